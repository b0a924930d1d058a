// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers"
)

// eventBuffer is how many events fit before Run: more than a large cluster has members
// to announce while a server starts. Serf adds 1,024 of its own (internal_query.go).
const eventBuffer = 1024

// ErrShutdown is what View and Run return once Serf has shut down.
var ErrShutdown = errors.New("serfpeers: serf has shut down: its list is no longer true")

// ErrStopped is what View returns once Run has ended by its context.
var ErrStopped = errors.New("serfpeers: Run has returned: nobody looks any more")

var _ peers.Source = (*Source)(nil)

// Source is a peers.Source that looks at Serf. Make it with New; its methods may be
// called from any goroutine.
type Source struct {
	conf    Config
	events  chan serf.Event
	changes chan struct{} // capacity 1
	wake    chan struct{} // capacity 1: look now
	joined  chan struct{} // closed by Attach
	ended   chan struct{} // closed when Run returns

	// mu is held for as long as it takes to go through the members once, and never
	// across a wait.
	mu       sync.Mutex
	serf     *serf.Serf
	wired    bool // Listen was called
	running  bool
	err      error // why Run ended
	history  history
	seen     peers.View
	begun    uint64        // looks
	finished uint64        // the last one that finished
	looked   chan struct{} // closed when one finishes
}

// New makes a Source. It starts nothing.
func New(conf Config) (*Source, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	conf = conf.withDefaults()
	return &Source{
		conf:    conf,
		events:  make(chan serf.Event, eventBuffer),
		changes: make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		joined:  make(chan struct{}),
		ended:   make(chan struct{}),
		looked:  make(chan struct{}),
		history: history{conf: conf, records: map[string]*record{}},
	}, nil
}

// Listen makes the Source the receiver of Serf's events: call it before serf.Create. A
// program that receives them itself calls Observe instead. It refuses a configuration
// that has an EventCh, or that coalesces member events, which would hide a failure that
// came just before a leave.
func (s *Source) Listen(conf *serf.Config) error {
	switch {
	case conf == nil:
		return errors.New("serfpeers: Listen: the configuration is nil")
	case conf.EventCh != nil:
		return errors.New("serfpeers: Listen: EventCh is taken: call Observe for each event that you receive from it, in order, instead of Listen")
	case conf.CoalescePeriod > 0 && conf.QuiescentPeriod > 0:
		return errors.New("serfpeers: Listen: CoalescePeriod is set, which hides who said that a member left: set it to 0")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.wired:
		return errors.New("serfpeers: Listen: called twice: a Source looks at one Serf")
	case s.err != nil:
		return fmt.Errorf("serfpeers: Listen: nobody would receive: %w", s.err)
	}
	s.wired = true
	conf.EventCh = s.events
	return nil
}

// Attach hands over what serf.Create returned. It does not wait.
func (s *Source) Attach(sf *serf.Serf) error {
	if sf == nil {
		return errors.New("serfpeers: Attach: serf is nil; call it with what serf.Create returned")
	}
	name := sf.Memberlist().LocalNode().Name // LocalMember would wait for the member lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serf != nil {
		return errors.New("serfpeers: Attach: called twice: a Source looks at one Serf")
	}
	s.serf, s.history.self = sf, name
	close(s.joined)
	return nil
}

// Observe takes in one of Serf's events. It never waits: call it from the loop that
// receives them, for each, in order. Events that are not about members do nothing.
func (s *Source) Observe(e serf.Event) {
	m, ok := e.(serf.MemberEvent)
	if !ok {
		return
	}
	s.mu.Lock()
	s.history.event(m)
	s.mu.Unlock()
	hint(s.wake)
}

// Changes says that a view differs from the one before it. It is a hint with room for
// one, and nothing waits for its reader.
func (s *Source) Changes() <-chan struct{} { return s.changes }

// View looks at Serf, now, and returns all servers of the cluster that Serf has or had,
// in the order of their IDs. It waits for Run, and for Serf, until ctx ends: Serf does
// not answer while somebody else's full event channel holds its member lock.
func (s *Source) View(ctx context.Context) (peers.View, error) {
	s.mu.Lock()
	want := s.begun + 1 // what began before this call may show what was before it
	s.mu.Unlock()
	for {
		v, done, looked := s.latest(want)
		if done {
			return v, nil
		}
		hint(s.wake)
		select {
		case <-looked:
		case <-s.ended:
			return peers.View{}, s.why()
		case <-ctx.Done():
			return peers.View{}, fmt.Errorf("serfpeers: View: %s: %w", s.blame(), context.Cause(ctx))
		}
	}
}

// latest is the newest view, whether it is the one that is wanted, and what to wait for
// if not.
func (s *Source) latest(want uint64) (peers.View, bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.seen
	v.Members = slices.Clone(v.Members)
	return v, s.finished >= want, s.looked
}

func (s *Source) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// blame says what a View waits for.
func (s *Source) blame() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.running:
		return "Run has not been started"
	case s.serf == nil:
		return "Attach has not been called"
	}
	return "serf does not answer: find what receives its events and stopped doing so"
}

// hint sends if there is room.
func hint(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
