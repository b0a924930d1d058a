// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Change is one change of leadership.
type Change struct {
	Old, New raft.ServerID // equal if the old leader won the next term, too
	Term     uint64        // of the new leader
}

// flapRetry is how long an attempt may go without a new leader before it is
// made again: a kick or a transfer can be lost.
const flapRetry = 5 * time.Second

// Flap forces one change of leadership and undoes the fault that made it:
//
//   - Kick: another server stands for election.
//   - Transfer: the leader hands over by raft's own call.
//   - Isolate: the leader is cut off, and rejoins when another leads.
//   - Partition: the leader and a minority are cut off, until another leads.
//   - Pause: the leader's main loop stops and another server is kicked (a pause
//     alone changes nothing: heartbeats go on), until that one leads.
//   - Crash: the leader crashes, and restarts when another leads.
//
// It waits for the old leader to be settled, and for the new one by events; a
// flap of 3 servers takes milliseconds by kick or transfer, and one to three
// election timeouts otherwise. The new leader may not have committed anything yet.
func (c *Cluster) Flap(ctx context.Context, kind Kind) (Change, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	f, ok := flaps[kind]
	if !ok {
		return Change{}, fmt.Errorf("testcluster: no flap by %v: want kick, transfer, isolate, partition, pause or crash", kind)
	}
	if n := c.cfg.Voters; n < f.voters {
		return Change{}, fmt.Errorf("testcluster: a flap by %v needs %d voters: the %d there are would be without a leader", kind, f.voters, n)
	}
	var lost error // why the attempt before was lost, if it says
	for {
		old, heir, term, err := c.settled(ctx)
		if err != nil {
			return Change{}, fmt.Errorf("flap by %v: %w", kind, errors.Join(err, lost))
		}
		now, newTerm, err := c.attempt(ctx, f, old, heir, term)
		switch {
		case errors.Is(err, errLost) && sleep(ctx, settling) == nil:
			lost = err
		case err != nil:
			return Change{}, fmt.Errorf("flap by %v: %w", kind, err)
		case newTerm > term:
			return Change{Old: old.id, New: now.id, Term: newTerm}, nil
		}
	}
}

// errLost is an attempt that may be made again.
var errLost = errors.New("attempt lost")

// flap is a way to change the leader. undo may be nil.
type flap struct {
	voters int
	fault  func(c *Cluster, ctx context.Context, old, heir *Server) error
	undo   func(c *Cluster, ctx context.Context, old *Server) error
}

var flaps = map[Kind]flap{
	Kick: {voters: 2, fault: func(_ *Cluster, _ context.Context, _, heir *Server) error {
		return heir.Kick()
	}},
	Transfer: {voters: 2, fault: func(_ *Cluster, ctx context.Context, old, heir *Server) error {
		// raft answers before it takes back "in progress", and #696 may keep it:
		// the one is over in a moment, the other ends with ctx.
		if err := old.Transfer(ctx, heir.id); err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		return nil
	}},
	Isolate: {
		voters: 3,
		fault: func(c *Cluster, _ context.Context, old, _ *Server) error {
			return c.network.Isolate(old.id)
		},
		undo: func(c *Cluster, _ context.Context, old *Server) error { return c.network.Rejoin(old.id) },
	},
	Partition: {
		voters: 3,
		fault: func(c *Cluster, _ context.Context, old, heir *Server) error {
			return c.network.Partition(c.minority(old, heir))
		},
		undo: func(c *Cluster, _ context.Context, _ *Server) error { return c.network.Partition() },
	},
	Pause: {
		voters: 3,
		fault: func(_ *Cluster, ctx context.Context, old, heir *Server) error {
			return errors.Join(old.Pause(ctx), heir.Kick())
		},
		undo: func(_ *Cluster, _ context.Context, old *Server) error { old.Resume(); return nil },
	},
	Crash: {
		voters: 3,
		fault: func(_ *Cluster, ctx context.Context, old, _ *Server) error {
			return old.Crash(ctx)
		},
		undo: func(_ *Cluster, ctx context.Context, old *Server) error { return old.Restart(ctx) },
	},
}

// attempt makes the fault, waits for a new leader, and undoes the fault,
// whatever came of it.
func (c *Cluster) attempt(ctx context.Context, f flap, old, heir *Server, term uint64) (*Server, uint64, error) {
	err := f.fault(c, ctx, old, heir)
	var now *Server
	var newTerm uint64
	if err == nil {
		now, newTerm, err = c.successor(ctx, term)
	}
	if f.undo != nil {
		err = errors.Join(err, f.undo(c, ctx, old))
	}
	return now, newTerm, err
}

// successor waits for a leader of a later term; nil without an error if there
// was none for so long that the fault must have been lost.
func (c *Cluster) successor(ctx context.Context, term uint64) (*Server, uint64, error) {
	retry := time.NewTimer(flapRetry)
	defer retry.Stop()
	for {
		number, now, changed := c.elections.top()
		if now > term {
			return c.servers[number], now, nil
		}
		select {
		case <-changed:
		case <-retry.C:
			return nil, 0, nil
		case <-ctx.Done():
			return nil, 0, c.noLeader(context.Cause(ctx))
		}
	}
}

// settled waits until a leader's log and term have reached enough servers, and
// picks the one to follow it from those, by seed and number of the flap.
func (c *Cluster) settled(ctx context.Context) (old, heir *Server, term uint64, err error) {
	for {
		old, n, term, err := c.claimant(ctx)
		if err != nil {
			return nil, nil, 0, err
		}
		heirs := c.heirs(old, n, term)
		if len(heirs) >= c.cfg.Voters/2 && len(heirs) > 0 {
			c.mu.Lock()
			c.flaps++
			draw := draws(mix(c.cfg.Seed ^ c.flaps))
			c.mu.Unlock()
			return old, heirs[int(draw.unit(0)*float64(len(heirs)))], term, nil
		}
		if err := sleep(ctx, settling); err != nil {
			return nil, nil, 0, c.noLeader(err)
		}
	}
}

// heirs lists the voters that have all of the leader's log and live in its term.
func (c *Cluster) heirs(old *Server, leader *node, term uint64) []*Server {
	last := leader.raft.LastIndex()
	var heirs []*Server
	for _, member := range leader.raft.GetConfiguration().Configuration().Servers {
		s := c.Server(member.ID)
		if s == nil || s == old || member.Suffrage != raft.Voter {
			continue
		}
		if n := s.current(); n != nil && n.raft.CurrentTerm() == term && n.raft.LastIndex() == last {
			heirs = append(heirs, s)
		}
	}
	return heirs
}

// minority is the leader and as many others as leave the heir a majority.
func (c *Cluster) minority(old, heir *Server) []raft.ServerID {
	group := []raft.ServerID{old.id}
	for _, s := range c.servers[:c.cfg.Voters] {
		if s != old && s != heir && len(group) < (c.cfg.Voters-1)/2 {
			group = append(group, s.id)
		}
	}
	return group
}

// Transfer makes this server, the leader, hand leadership to another one by
// raft's own call, and waits until it has. Never aim it at a server that cannot
// be reached, least of all twice: a later leader of this process may then refuse
// every write for good (hashicorp/raft#696).
func (s *Server) Transfer(ctx context.Context, to raft.ServerID) error {
	ctx, cancel := s.cluster.bound(ctx)
	defer cancel()
	n, err := s.running()
	if err != nil {
		return err
	}
	if _, err := s.cluster.network.number(to); err != nil {
		return err
	}
	s.cluster.counts.request(Transfer)
	err = s.cluster.await(ctx, n, func(r *raft.Raft) raft.Future {
		return r.LeadershipTransferToServer(to, s.cluster.Server(to).Address())
	})
	if err != nil {
		return fmt.Errorf("testcluster: transfer from %s to %s: %w", s.id, to, err)
	}
	s.cluster.counts.fire(Transfer)
	return nil
}
