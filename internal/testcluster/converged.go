// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// Converged waits until every member of the configuration has applied what
// the leader has, and then compares: hash chains, logs, acknowledged writes. Call
// it after Heal and Restart, with nobody writing. What differs is an error that
// wraps [ErrViolated] and names server, index and terms; [Cluster.Close] repeats it.
//
// raft.Restore makes a history the oracle does not know; do not combine the two.
//
// When there is no leader, or a server does not catch up, it still tells
// whether acknowledged writes are gone: that is often why.
func (c *Cluster) Converged(ctx context.Context) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	err := c.converge(ctx)
	c.ledger.stored(c.disks(), c.voters())
	return errors.Join(err, c.ledger.check())
}

func (c *Cluster) converge(ctx context.Context) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	n, err := leader.running()
	if err != nil {
		return err
	}
	goal := n.raft.CommitIndex() // the barrier of Leader at least
	members, err := c.members(n)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := c.caughtUp(ctx, m, goal); err != nil {
			return err
		}
	}
	for _, m := range members {
		c.ledger.compare(m.server.id, m.server.fsm.Chain())
		c.ledger.compareLogs(leader.id, n.logs, m.server.id, m.node.logs, goal)
	}
	return nil
}

// voters is the least number of voters that the list of a running server has: what
// was acknowledged under a short list was never on more disks.
func (c *Cluster) voters() int {
	least := 0
	for _, s := range c.servers {
		n := s.current()
		if n == nil {
			continue
		}
		voters := 0
		for _, m := range n.raft.GetConfiguration().Configuration().Servers {
			if m.Suffrage == raft.Voter {
				voters++
			}
		}
		if voters > 0 && (least == 0 || voters < least) {
			least = voters
		}
	}
	return cmp.Or(least, c.cfg.Voters)
}

// member is a server of the configuration and its running incarnation.
type member struct {
	server *Server
	node   *node
}

func (c *Cluster) members(leader *node) ([]member, error) {
	var members []member
	for _, m := range leader.raft.GetConfiguration().Configuration().Servers {
		s := c.Server(m.ID)
		if s == nil {
			return nil, fmt.Errorf("testcluster: the configuration has %s, which is no server of this cluster", m.ID)
		}
		n, err := s.running()
		if err != nil {
			return nil, fmt.Errorf("converged: %w", err)
		}
		members = append(members, member{s, n})
	}
	return members, nil
}

// caughtUp waits for a server to apply everything. raft's applied index runs
// ahead of the state machine by what is queued (raft.go, processLogs), so both
// are looked at. There is no event for either.
func (c *Cluster) caughtUp(ctx context.Context, m member, goal uint64) error {
	for {
		applied, chain := m.node.raft.AppliedIndex(), m.server.fsm.Chain()
		last := c.ledger.last()
		if applied >= goal && chain.Index >= last {
			return nil
		}
		if sleep(ctx, settling) != nil {
			if !c.ledger.prefix(chain) { // not behind, but elsewhere
				c.ledger.compare(m.server.id, chain)
			}
			err := fmt.Errorf("testcluster: %s has applied %d of %d, its state machine %d of %d; %s: %w",
				m.server.id, applied, goal, chain.Index, last, m.advice(), context.Cause(ctx))
			return errors.Join(err, c.ledger.check())
		}
	}
}

// advice says what may be wrong with a server that does not catch up.
func (m member) advice() string {
	_, stored := bounds(m.node.logs)
	if last := m.node.raft.LastIndex(); last != stored {
		return fmt.Sprintf("raft believes its log ends at %d, the store ends at %d: Restart it (hashicorp/raft#612)", last, stored)
	}
	return "is a fault still on?"
}

// prefix reports whether a chain is one that all servers went through.
func (l *ledger) prefix(chain Chain) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, _ := l.find(chain.Index)
	return chain == e.chain
}

func (l *ledger) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].chain.Index
}

// compareLogs checks Log Matching between the leader and another server: up
// to the commit index the terms must be equal, and wherever index and term are
// equal the bytes must be.
func (l *ledger) compareLogs(leader raft.ServerID, ours *logStore, other raft.ServerID, theirs *logStore, committed uint64) {
	first, last := overlap(ours, theirs)
	for i := first; i <= last && first > 0; i++ {
		var a, b raft.Log
		if ours.GetLog(i, &a) != nil || theirs.GetLog(i, &b) != nil {
			continue // compacted since
		}
		l.mu.Lock()
		switch {
		case a.Term != b.Term && i <= committed:
			l.violate("logs differ at committed index %d: %s has term %d, leader %s has term %d", i, other, b.Term, leader, a.Term)
		case a.Term == b.Term && (a.Type != b.Type || !bytes.Equal(a.Data, b.Data) || !bytes.Equal(a.Extensions, b.Extensions)):
			l.violate("logs differ at index %d in the same term %d: %s and leader %s hold other bytes", i, a.Term, other, leader)
		}
		l.mu.Unlock()
	}
}

func overlap(a, b *logStore) (first, last uint64) {
	first, last = bounds(a)
	otherFirst, otherLast := bounds(b)
	return max(first, otherFirst), min(last, otherLast)
}

func bounds(s *logStore) (first, last uint64) {
	first, err := s.FirstIndex()
	if err != nil {
		return 0, 0
	}
	last, err = s.LastIndex()
	if err != nil {
		return 0, 0
	}
	return first, last
}
