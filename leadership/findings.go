// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// findingKind is something the watchdog looks for.
type findingKind int

const (
	unresponsive findingKind = iota
	fsmStalled
	writesStalled
	transferWedged

	findingKinds
)

// findings is what is wrong now.
type findings struct {
	mu      sync.Mutex
	active  [findingKinds]error
	refused time.Time // since when raft refuses every write because of a transfer
}

// set records that err was found, or with nil that it is over, and tells.
func (f *findings) set(kind findingKind, err error, r *Runner) {
	f.mu.Lock()
	was := f.active[kind]
	f.active[kind] = err
	if err == nil && kind == transferWedged {
		f.refused = time.Time{}
	}
	if was == err {
		f.mu.Unlock()
		return
	}
	if r.conf.Watchdog.Fence && kind != transferWedged {
		r.mail.post(event{kind: evFinding, err: errors.Join(f.active[:transferWedged]...)})
	}
	if tell := r.conf.Events.Finding; tell != nil { // under the lock, so that the last one told is true
		all := errors.Join(f.active[:]...)
		r.story.tell(func() { tell(all) })
	}
	f.mu.Unlock()
	r.noteFinding(was, err)
	r.news.notify()
}

// write takes in what raft said to a write. The flag that refuses it must not
// stand for long: a transfer ends within an election timeout.
func (f *findings) write(err error, r *Runner) {
	if r.conf.Watchdog.Off {
		return
	}
	f.mu.Lock()
	since, wedged := f.refused, f.active[transferWedged] != nil
	switch {
	case !errors.Is(err, raft.ErrLeadershipTransferInProgress):
		f.mu.Unlock()
		if (wedged || !since.IsZero()) && (err == nil || Classify(err) == Lost) {
			f.set(transferWedged, nil, r)
		}
		return
	case since.IsZero():
		f.refused = time.Now()
	}
	f.mu.Unlock()
	if !since.IsZero() && time.Since(since) >= r.deadline() {
		f.set(transferWedged, ErrTransferWedged, r)
	}
}

// refusing reports whether raft refused the last write because of a transfer.
func (f *findings) refusing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.refused.IsZero()
}

// any reports whether one of the kinds is found now.
func (f *findings) any(kinds ...findingKind) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(kinds, func(k findingKind) bool { return f.active[k] != nil })
}

// all returns what is wrong now; nil: nothing.
func (f *findings) all() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.active[:]...)
}
