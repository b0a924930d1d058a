// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "sync"

// mailbox holds events for the loop. A post never waits: what can be in it at
// once is bounded by what runs, and by who waits for a reply.
type mailbox struct {
	wake chan struct{} // 1 slot

	mu     sync.Mutex
	events []event
	closed bool
}

// post reports false if the loop has ended.
func (m *mailbox) post(ev event) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	m.events = append(m.events, ev)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return true
}

func (m *mailbox) take() []event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events
}

// close returns what nobody has taken.
func (m *mailbox) close() []event {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return m.events
}

// signal wakes all who wait.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // nil: nobody waits
}

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
