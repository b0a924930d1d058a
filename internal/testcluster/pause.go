// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Pause stops the server's main loop, and only that: its heartbeats to others
// go on when it leads, and the fast path answers theirs when it follows. It
// returns when raft is stopped, or with an error when the main loop does not take
// calls before ctx ends, because it hangs already. Pausing twice is no error.
//
// How: raft is handed an AppendEntries of term 0, which it refuses on its main
// goroutine (raft.go, appendEntries) by sending on a channel that nobody
// receives from until Resume.
func (s *Server) Pause(ctx context.Context) error {
	ctx, cancel := s.cluster.bound(ctx)
	defer cancel()
	n, err := s.running()
	if err != nil {
		return err
	}
	s.cluster.counts.request(Pause)
	s.mu.Lock()
	already := s.paused != nil
	s.mu.Unlock()
	if already {
		return nil
	}
	answer := make(chan raft.RPCResponse)
	if err := s.hand(ctx, n, &raft.AppendEntriesRequest{RPCHeader: header()}, answer); err != nil {
		return fmt.Errorf("pause %s: %w", s.id, err)
	}
	s.mu.Lock()
	s.paused = answer
	s.mu.Unlock()
	s.cluster.counts.fire(Pause)
	s.cluster.note(true, s.id, "pause")
	if closed(n.over) {
		s.Resume() // a crash came between, and found nothing to resume
	}
	return nil
}

// Resume lets the main loop of a paused server go on. It does nothing when the
// server is not paused.
func (s *Server) Resume() {
	s.mu.Lock()
	answer := s.paused
	s.paused = nil
	s.mu.Unlock()
	if answer == nil {
		return
	}
	<-answer // raft took the call and is bound to answer: no wait worth the name
	s.cluster.note(false, s.id, "pause")
}

// Probe asks the main loop for a sign of life: nil when it answers a call, an
// error when it does not before ctx ends. Neither raft's State nor its
// heartbeats tell that.
func (s *Server) Probe(ctx context.Context) error {
	ctx, cancel := s.cluster.bound(ctx)
	defer cancel()
	n, err := s.running()
	if err != nil {
		return err
	}
	answer := make(chan raft.RPCResponse, 1)
	if err := s.hand(ctx, n, &raft.AppendEntriesRequest{RPCHeader: header()}, answer); err != nil {
		s.record(timeline.Stuck, 0, "main loop")
		return fmt.Errorf("probe %s: %w", s.id, err)
	}
	select {
	case <-answer:
		return nil
	case <-n.over:
		return fmt.Errorf("%w: %s", ErrDown, s.id)
	case <-ctx.Done():
		s.record(timeline.Stuck, 0, "main loop")
		return fmt.Errorf("probe %s: main loop took a call and does not answer: %w", s.id, ctx.Err())
	}
}

// Kick makes the server stand for election at once, by a TimeoutNow from
// nowhere: the cheapest way to move leadership. It does not wait. The call stays
// with the server until its main loop takes it.
//
// A kick in the same instant as another election can be lost, because the target
// still lives in the old term: let the cluster settle for about 10 ms first, as
// [Cluster.Flap] does.
func (s *Server) Kick() error {
	n, err := s.running()
	if err != nil {
		return err
	}
	s.cluster.counts.request(Kick)
	s.record(timeline.Note, 0, "kick")
	answer := make(chan raft.RPCResponse, 1)
	ok := n.port.spawn(func() {
		select {
		case n.port.inbox() <- raft.RPC{Command: &raft.TimeoutNowRequest{RPCHeader: header()}, RespChan: answer}:
		case <-n.port.detached():
			return
		}
		select {
		case <-answer:
			s.cluster.counts.fire(Kick)
		case <-n.port.detached():
		}
	})
	if !ok {
		return fmt.Errorf("%w: %s", ErrDown, s.id)
	}
	return nil
}

// hand gives a call to raft's main loop and returns when that has taken it.
func (s *Server) hand(ctx context.Context, n *node, command any, answer chan<- raft.RPCResponse) error {
	select {
	case n.port.inbox() <- raft.RPC{Command: command, RespChan: answer}:
		return nil
	case <-n.port.detached():
		return fmt.Errorf("%w: %s", ErrDown, s.id)
	case <-ctx.Done():
		return fmt.Errorf("main loop takes no calls; it hangs in a store, in NotifyCh or in an observer: %w", ctx.Err())
	}
}

func header() raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}
}
