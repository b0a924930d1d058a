// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
)

// Watcher follows the leadership of one raft at its own pace: it is told the
// newest state and the number of changes it slept through. It is used by one
// goroutine at a time; take a Watcher for each reader.
type Watcher struct {
	n      *Notifier
	prev   State // as last told, at first as of Watch
	primed bool  // the first update has been delivered
}

// Next returns the next update: the present state in the first call, and from
// then on as soon as something changed. After the update with Closed set it
// returns ErrClosed, and when ctx ends first the cause of ctx. An update that
// is there already is returned even when ctx has ended.
func (w *Watcher) Next(ctx context.Context) (Update, error) {
	if ctx == nil {
		return Update{}, errors.New("leadership: Next: the context is nil")
	}
	for {
		if w.primed && w.prev.Closed {
			return Update{}, ErrClosed
		}
		if u, ok := w.take(); ok {
			return u, nil
		}
		select {
		case <-w.Changed():
		case <-ctx.Done():
			return Update{}, context.Cause(ctx)
		}
	}
}

// Changed returns a channel that is closed as soon as Next would return at
// once, for use in a select. Take it anew after each Next.
func (w *Watcher) Changed() <-chan struct{} {
	if w.primed && !w.prev.Closed {
		if changed := w.n.changedFrom(w.prev.mark()); changed != nil {
			return changed
		}
	}
	now := make(chan struct{})
	close(now)
	return now
}

func (w *Watcher) take() (Update, bool) {
	now := w.n.State()
	if w.primed && w.prev.mark() == now.mark() {
		return Update{}, false
	}
	u := updateFrom(w.prev, now)
	w.prev, w.primed = now, true
	return u, true
}
