// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"time"
)

// StaticSource is a list that never changes, such as one from a configuration file. It
// is looked at as it stands: a file proves nothing about life, so the Health of a member
// should be Unknown, the zero value, and only a probe tells whether it is there; and a
// file that was not edited is no witness that a server is gone, so Warm should be
// false. Set either only if something keeps the list true.
//
// Such a list is enough for a first boot, where every server is asked. It has no
// addresses for [Addresses], which wants members that are alive.
type StaticSource View

// View returns the list, taken now. A list that makes no sense is an error, which names
// every reason.
func (s StaticSource) View(context.Context) (View, error) {
	view := View(s)
	var errs []error
	for _, f := range view.Check() {
		errs = append(errs, errors.New("peers: "+f.String()))
	}
	if len(errs) > 0 {
		return View{}, errors.Join(errs...)
	}
	view.Members = append([]Member(nil), s.Members...)
	view.Taken = time.Now()
	return view, nil
}

// FuncSource is a function that looks, such as at DNS. It must end with its context.
type FuncSource func(ctx context.Context) (View, error)

// View calls the function. nil is an error.
func (f FuncSource) View(ctx context.Context) (View, error) {
	if f == nil {
		return View{}, errors.New("peers: FuncSource is nil: want a function that looks")
	}
	return f(ctx)
}
