// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Crash kills the server as kill -9 would, as far as the others and the disk can
// tell, and waits until the last goroutine of its raft has ended. In order: it is
// taken off the network; what it writes from then on vanishes; its hangs and its
// pause are released; raft is shut down.
//
// It fails when the server is down already, and when raft does not stop before
// ctx ends. In that case the server is down all the same, and Restart waits for the rest.
func (s *Server) Crash(ctx context.Context) error {
	ctx, cancel := s.cluster.bound(ctx)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	n, err := s.running()
	if err != nil {
		return err
	}
	s.cluster.counts.request(Crash)
	if err := s.stop(ctx, n, true); err != nil {
		return err
	}
	s.cluster.counts.fire(Crash)
	return nil
}

// Restart starts the server from what its disk holds. It fails when the server
// runs, or when raft refuses the disk; the server is then down and can be tried again.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := s.cluster.bound(ctx)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	if s.current() != nil {
		return fmt.Errorf("testcluster: %s is running; Crash it first", s.id)
	}
	if s.cluster.tasks.isClosed() {
		return fmt.Errorf("%w: the cluster is closed", ErrDown)
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.start(nil)
}

// Wipe blanks the disk of a server that is down. Restarted, it is a server that
// has forgotten its votes: with it raft's promises are void unless the cluster
// treats it as a new one, and the oracle may rightly say so.
func (s *Server) Wipe() error {
	s.cluster.counts.request(Wipe)
	select {
	case s.turn <- struct{}{}:
		defer s.give()
	default:
		return fmt.Errorf("testcluster: %s is being started or stopped; Wipe it when that is over", s.id)
	}
	if s.current() != nil {
		return fmt.Errorf("testcluster: %s is running; Crash it first", s.id)
	}
	if s.last != nil && !closed(s.last.gone) {
		return fmt.Errorf("testcluster: %s has not stopped yet; see what its Crash returned", s.id)
	}
	if err := s.disk.wipe(); err != nil {
		return fmt.Errorf("testcluster: wipe %s: %w", s.id, err)
	}
	s.cluster.counts.fire(Wipe)
	s.record(timeline.Note, 0, "wiped")
	return nil
}

// stop ends an incarnation. The caller has the turn.
func (s *Server) stop(ctx context.Context, n *node, crash bool) error {
	n.port.detach()
	var err error
	if crash {
		err = s.fence(n)
	}
	close(n.over)
	s.Resume()
	s.mu.Lock()
	s.node = nil
	s.mu.Unlock()
	s.last = n
	s.cluster.elections.down(s)
	go s.reap(n)
	return errors.Join(err, s.settle(ctx))
}

func (s *Server) fence(n *node) error {
	n.stable.fence()
	n.snaps.fenced.Store(true)
	return n.logs.fence()
}

// reap waits for raft to end and closes the files. Nobody else may call
// Shutdown first: its second call returns at once, while the first still runs
// (api.go, Shutdown), so that then the log is fenced before it is closed.
func (s *Server) reap(n *node) {
	defer close(n.gone)
	if err := n.raft.Shutdown().Error(); err != nil {
		s.record(timeline.Note, 0, err.Error())
	}
	n.port.wait()
	if s.disk.bolt == nil {
		return
	}
	if err := errors.Join(s.fence(n), s.disk.close()); err != nil {
		s.record(timeline.Note, 0, err.Error())
	}
}

// settle waits until the last incarnation has stopped.
func (s *Server) settle(ctx context.Context) error {
	if s.last == nil {
		return nil
	}
	select {
	case <-s.last.gone:
		return nil
	case <-ctx.Done():
		s.record(timeline.Stuck, 0, "does not stop")
		return fmt.Errorf("testcluster: raft of %s (%v) does not stop; look for a callback, an FSM or an observer that blocks: %w",
			s.id, s.last.raft.State(), ctx.Err())
	}
}

// end stops the server if it runs, without a crash: what raft writes on its
// way out is kept.
func (s *Server) end(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	if n := s.current(); n != nil {
		return s.stop(ctx, n, false)
	}
	return s.settle(ctx)
}
