// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"sync"
	"time"
)

// DefaultLimit is the number of events kept by NewRecorder(0): at about a dozen
// events per change of leader, some hundred changes, in less than 1 MiB.
const DefaultLimit = 4096

// Recorder keeps the newest events. It is safe for concurrent use, and its zero
// value keeps DefaultLimit of them.
type Recorder struct {
	mu      sync.Mutex
	limit   int
	ring    []Event // grows to limit, then is written round and round
	oldest  int     // index of the oldest event, once full
	dropped uint64
}

// NewRecorder returns a Recorder that keeps the newest limit events and counts
// those it dropped. A limit of 0 or less means DefaultLimit.
func NewRecorder(limit int) *Recorder {
	return &Recorder{limit: limit}
}

// Record keeps e, in place of the oldest event if the ring is full. A zero e.At
// becomes the present time, which is virtual inside a testing/synctest bubble.
//
// It never blocks beyond a short mutex and calls no one, so it may be called
// from raft's observer hook, on raft's own goroutine.
func (r *Recorder) Record(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.At.IsZero() {
		// Under the lock: stamped outside it, two events of one instant could
		// be kept in the order opposite to their times.
		e.At = time.Now()
	}
	if r.limit <= 0 {
		r.limit = DefaultLimit
	}
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, e)
		return
	}
	r.ring[r.oldest] = e
	r.oldest = (r.oldest + 1) % r.limit
	r.dropped++
}

// Timeline returns what is recorded so far. The copy is the caller's.
func (r *Recorder) Timeline() Timeline {
	r.mu.Lock()
	events := make([]Event, 0, len(r.ring))
	events = append(events, r.ring[r.oldest:]...)
	events = append(events, r.ring[:r.oldest]...)
	dropped := r.dropped
	r.mu.Unlock()
	return arrange(Timeline{Events: events, Dropped: dropped})
}
