// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// settling is how long followers need to have heard of a new leader, on links
// of a few milliseconds.
const settling = 10 * time.Millisecond

// Leader waits for a leader that can commit: of the servers that say they lead,
// the one of the highest term, once a barrier of it has passed. By the time the
// caller looks, another may lead.
func (c *Cluster) Leader(ctx context.Context) (*Server, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	for {
		s, n, term, err := c.claimant(ctx)
		if err != nil {
			return nil, err
		}
		proven, err := c.prove(ctx, s, n, term)
		switch {
		case err != nil:
			return nil, c.noLeader(err)
		case proven:
			return s, nil
		}
	}
}

// claimant waits for a server that says it leads, and returns the one of the
// highest term.
func (c *Cluster) claimant(ctx context.Context) (*Server, *node, uint64, error) {
	for {
		number, term, changed := c.elections.top()
		if number >= 0 {
			s := c.servers[number]
			if n := s.current(); n != nil {
				return s, n, term, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, 0, c.noLeader(context.Cause(ctx))
		}
	}
}

// prove runs a barrier until it has passed, or another server is at the top.
func (c *Cluster) prove(ctx context.Context, s *Server, n *node, term uint64) (bool, error) {
	done, err := c.begin(n, func(r *raft.Raft) raft.Future { return r.Barrier(0) })
	if err != nil {
		return false, err
	}
	for {
		number, now, changed := c.elections.top()
		if number != s.number || now != term {
			return false, nil
		}
		select {
		case err := <-done:
			if err == nil {
				return n.raft.CurrentTerm() == term, nil
			}
			return false, sleep(ctx, settling) // between two states: look again
		case <-changed:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// noLeader says who is in which state, for the one who has to find out why.
func (c *Cluster) noLeader(cause error) error {
	states := make([]string, len(c.servers))
	for i, s := range c.servers {
		states[i] = string(s.id) + " down"
		if n := s.current(); n != nil {
			states[i] = fmt.Sprintf("%s %v of term %d", s.id, n.raft.State(), n.raft.CurrentTerm())
		}
	}
	return fmt.Errorf("testcluster: no leader that can commit (%s); Heal, Restart, or give it more time: %w",
		strings.Join(states, ", "), cause)
}

// Apply hands a command to the leader, waiting for one if there is none, and
// returns the index at which it is committed. It makes one attempt. After an
// error the outcome is unknown unless raft never took the command; the error then
// wraps [ErrUnknownOutcome]. Writes that Apply returned nil for are what the
// oracle calls acknowledged. The data is copied.
func (c *Cluster) Apply(ctx context.Context, data []byte) (index uint64, err error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	s, n, _, err := c.claimant(ctx)
	if err != nil {
		return 0, err
	}
	data = slices.Clone(data)
	var future raft.ApplyFuture
	err = c.await(ctx, n, func(r *raft.Raft) raft.Future {
		future = r.Apply(data, 0)
		return future
	})
	switch {
	case err == raft.ErrNotLeader || err == raft.ErrLeadershipTransferInProgress:
		return 0, fmt.Errorf("testcluster: apply on %s: %w", s.id, err)
	case err != nil:
		return 0, fmt.Errorf("apply on %s: %w: %w", s.id, ErrUnknownOutcome, err)
	case closed(n.over): // acknowledged by a ghost: see logStore.fence
		return 0, fmt.Errorf("apply on %s: %w: %w", s.id, ErrUnknownOutcome, ErrDown)
	}
	c.ledger.acknowledged(s.id, future.Index(), hash(data))
	return future.Index(), nil
}

// sleep waits on the clock the program runs on.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
