// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"sync"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// elections knows who leads, from events: an observer with a nil channel, whose
// filter raft calls on the goroutine that changes the state (observer.go,
// observe). Nothing is lost and nobody polls.
type elections struct {
	mu      sync.Mutex
	terms   []uint64      // by server: the term it leads, 0 for none
	changed chan struct{} // closed and replaced at every gain and loss
}

// watch follows an incarnation that has just been started.
func (e *elections) watch(s *Server, n *node) {
	s.record(timeline.Up, 0, "")
	n.raft.RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		if state, ok := o.Data.(raft.RaftState); ok {
			e.saw(s, n, state)
		}
		return false
	}))
	// A kick may have made it leader before the observer was there.
	if n.raft.State() == raft.Leader {
		e.saw(s, n, raft.Leader)
	}
}

// saw runs under raft's observersLock: it must not block or call the observers' API.
func (e *elections) saw(s *Server, n *node, state raft.RaftState) {
	if closed(n.over) {
		return
	}
	term := n.raft.CurrentTerm()
	led := e.set(s, state, term)
	switch state {
	case raft.Leader:
		if led != term {
			s.record(timeline.Gain, term, "")
		}
	case raft.Candidate:
		if led != 0 {
			s.record(timeline.Loss, led, "")
		}
		s.record(timeline.Candidate, term+1, "") // the term is raised after the state (raft.go, electSelf)
	case raft.Follower:
		if led != 0 {
			s.record(timeline.Loss, led, "")
		} else {
			s.record(timeline.Up, term, "")
		}
	case raft.Shutdown: // by itself: it was removed from the configuration
		s.record(timeline.Down, term, "shut itself down")
	}
}

// set notes a server's state and returns the term that it led until now.
func (e *elections) set(s *Server, state raft.RaftState, term uint64) uint64 {
	if state != raft.Leader {
		term = 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	led := e.terms[s.number]
	if led != term {
		e.terms[s.number] = term
		close(e.changed)
		e.changed = make(chan struct{})
	}
	return led
}

func (e *elections) down(s *Server) {
	if led := e.set(s, raft.Shutdown, 0); led != 0 {
		s.record(timeline.Loss, led, "")
	}
	s.record(timeline.Down, 0, "")
}

// top is the server that leads the highest term, -1 for none, and the channel
// that is closed when that may have changed.
func (e *elections) top() (number int, term uint64, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	number = -1
	for i, t := range e.terms {
		if t > term {
			number, term = i, t
		}
	}
	return number, term, e.changed
}
