// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "sync"

// eventQueue is how many events wait for functions of the program.
const eventQueue = 256

// story is the newest events, and those that are still to be told.
type story struct {
	limit int
	wake  chan struct{} // 1 slot

	mu      sync.Mutex
	events  []Event // a ring once it has limit
	oldest  int
	queue   []func()
	dropped uint64
}

func (s *story) add(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) < s.limit {
		s.events = append(s.events, e)
		return
	}
	s.events[s.oldest] = e
	s.oldest = (s.oldest + 1) % s.limit
}

// Timeline returns the newest events, the oldest first. The slice is the caller's.
func (r *Runner) Timeline() []Event {
	s := &r.story
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make([]Event, 0, len(s.events))
	events = append(events, s.events[s.oldest:]...)
	return append(events, s.events[:s.oldest]...)
}

// tell queues a call of a function of the program. It never waits.
func (s *story) tell(call func()) {
	s.mu.Lock()
	if len(s.queue) == eventQueue {
		s.queue = s.queue[1:]
		s.dropped++
	}
	s.queue = append(s.queue, call)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *story) next() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	call := s.queue[0]
	s.queue = s.queue[1:]
	return call
}

// deliver makes the calls until stop is closed and none is left.
func (s *story) deliver(stop <-chan struct{}) {
	for stopping := false; ; {
		for call := s.next(); call != nil; call = s.next() {
			call()
		}
		if stopping {
			return
		}
		select {
		case <-s.wake:
		case <-stop:
			stopping = true
		}
	}
}

func (s *story) lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}
