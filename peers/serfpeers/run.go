// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers"
)

// Run receives Serf's events and looks at its members, until ctx ends or Serf shuts
// down. Start it before serf.Create, or soon after. It may be called once. It returns
// ErrShutdown if Serf shut down; otherwise the cause of ctx.
//
// One goroutine outlives Run if ctx ends before Serf has shut down, and ends with
// Serf, if that was attached: it goes on receiving, because a Serf whose events nobody
// receives stops. Shut Serf down before ctx ends, and nothing is left.
func (s *Source) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return errors.New("serfpeers: Run: called twice")
	}
	s.running = true
	s.mu.Unlock()
	go s.drain()
	err := s.run(ctx)
	s.mu.Lock()
	if s.err = err; !errors.Is(err, ErrShutdown) {
		s.err = fmt.Errorf("%w: %w", ErrStopped, err)
	}
	s.mu.Unlock()
	close(s.ended)
	return err
}

// drain receives events for the life of Serf. It waits for nothing else.
//
// A full channel means that events may be missing: with a SnapshotPath Serf drops what
// does not fit (snapshot.go, teeStream). From when the channel was empty on they are
// complete again.
func (s *Source) drain() {
	joined, ended := s.joined, s.ended
	var shutdown <-chan struct{}
	for {
		select {
		case e := <-s.events:
			s.hear(e, len(s.events))
		case <-joined:
			joined, shutdown = nil, s.attached().ShutdownCh()
		case <-ended:
			if !s.listens() {
				return
			}
			ended = nil // Serf sends for as long as it lives
		case <-shutdown:
			return
		}
	}
}

// hear is Observe for an event behind which so many are waiting.
func (s *Source) hear(e serf.Event, waiting int) {
	s.mu.Lock()
	if waiting >= eventBuffer-1 && !s.history.deaf {
		s.history.deafen()
	}
	s.mu.Unlock()
	s.Observe(e)
	if waiting == 0 {
		s.mu.Lock()
		s.history.deaf = false
		s.mu.Unlock()
	}
}

func (s *Source) run(ctx context.Context) error {
	select {
	case <-s.joined:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	sf := s.attached()
	tick := time.NewTicker(s.conf.Every)
	defer tick.Stop()
	for {
		if err := s.look(ctx, sf); err != nil {
			return err
		}
		select {
		case <-s.wake:
		case <-tick.C:
		case <-sf.ShutdownCh():
			return ErrShutdown
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look asks Serf for its members and takes them in. Members waits for Serf's member
// lock, which Serf holds while it sends an event (serf.go, handleNodeJoin), so a
// goroutine asks, and is named if it does not return in time.
func (s *Source) look(ctx context.Context, sf *serf.Serf) error {
	s.mu.Lock()
	s.begun++
	n := s.begun
	s.mu.Unlock()
	answer := make(chan []serf.Member, 1)
	go func() { answer <- sf.Members() }()
	select {
	case members := <-answer:
		select {
		case <-sf.ShutdownCh():
			return ErrShutdown // the list may be of after it
		default:
		}
		s.take(n, time.Now(), members)
		return nil
	case <-sf.ShutdownCh():
		return ErrShutdown
	case <-ctx.Done():
		return fmt.Errorf("serfpeers: Run: left a goroutine in serf.Members, which waits for the member lock: %w", context.Cause(ctx))
	}
}

// take makes a look the newest view.
func (s *Source) take(n uint64, now time.Time, members []serf.Member) {
	s.mu.Lock()
	complaints := s.history.look(now, members)
	v := s.history.view()
	changed := v.Warm != s.seen.Warm || !slices.EqualFunc(v.Members, s.seen.Members, same)
	s.seen, s.finished = v, n
	close(s.looked)
	s.looked = make(chan struct{})
	s.mu.Unlock()
	for name, complaint := range complaints {
		s.conf.Logger.Warn("a server is left out of the view", "member", name, "reason", complaint)
	}
	if changed {
		hint(s.changes)
	}
}

func same(a, b peers.Member) bool {
	since := a.Since.Equal(b.Since)
	a.Since, b.Since = time.Time{}, time.Time{}
	return since && a == b
}

func (s *Source) listens() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wired
}

func (s *Source) attached() *serf.Serf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serf
}
