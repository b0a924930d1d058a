// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// inflict begins the fault of a step on a server, and returns how to end it,
// nil if it ends by itself.
func (c *Cluster) inflict(ctx context.Context, s *Server, step Step) (end func(context.Context) error, err error) {
	switch step.Kind {
	case Kick:
		return nil, s.Kick()
	case Isolate:
		return func(context.Context) error { return c.network.Rejoin(s.id) }, c.network.Isolate(s.id)
	case Partition:
		return func(context.Context) error { return c.network.Partition() }, c.network.Partition(c.minority(s, nil))
	case Pause:
		return func(context.Context) error { s.Resume(); return nil }, s.Pause(ctx)
	case Crash, Wipe:
		return s.Restart, c.kill(s, step.Kind)
	case SlowLog, HangLog, FailLog, FailSnapshot, SlowFSM, HangFSM:
		return c.inflictStore(s, step)
	default:
		return nil, fmt.Errorf("%v has no way to begin", step.Kind) // see validate
	}
}

// kill crashes a server, with a bound of its own: a step's is too short for a
// raft that has calls to wait for.
func (c *Cluster) kill(s *Server, kind Kind) error {
	err := s.Crash(context.Background())
	if err == nil && kind == Wipe {
		err = s.Wipe()
	}
	return err
}

func (c *Cluster) inflictStore(s *Server, step Step) (end func(context.Context) error, err error) {
	done := func(f func()) func(context.Context) error {
		return func(context.Context) error { f(); return nil }
	}
	switch step.Kind {
	case SlowLog:
		s.logs.Slow(step.Delay)
		return done(func() { s.logs.Slow(0) }), nil
	case HangLog:
		s.logs.Hang()
		return done(s.logs.Release), nil
	case FailLog:
		s.logs.FailOnce(nil)
		return done(s.logs.gate.disarm), nil
	case SlowFSM:
		s.fsm.Slow(step.Delay)
		return done(func() { s.fsm.Slow(0) }), nil
	case HangFSM:
		s.fsm.Hang()
		return done(s.fsm.Release), nil
	default: // FailSnapshot
		s.snaps.FailOnce(nil)
		return done(s.snaps.Heal), c.snapshot(s)
	}
}

// snapshot makes a server take a snapshot, if it is up, without waiting for it.
func (c *Cluster) snapshot(s *Server) error {
	n := s.current()
	if n == nil {
		return nil
	}
	_, err := c.begin(n, func(r *raft.Raft) raft.Future { return r.Snapshot() })
	return err
}

func linkFault(k Kind) bool { return k >= Delay && k <= BlackHole }

// relink sets every link to what the active steps make of it. They add up, on a
// link as well as on a server, and the end of one leaves the others.
func (r *run) relink() {
	n := r.c.network
	n.change(func() {
		for from := range n.wires {
			for to := range n.wires[from] {
				l := n.initial
				for _, a := range r.undo {
					if linkFault(a.step.Kind) && (n.ids[from] == a.on || n.ids[to] == a.on) {
						l = l.with(a.step)
					}
				}
				n.wires[from][to].Link = l
			}
		}
	})
}

// linkEnd notes the begin of a link fault and returns its end.
func (r *run) linkEnd(a active) func(context.Context) error {
	r.c.counts.request(a.step.Kind)
	r.c.note(true, a.on, a.step.Kind.String())
	return func(context.Context) error {
		r.relink()
		r.c.note(false, a.on, a.step.Kind.String())
		return nil
	}
}

// with is the link with a step's fault added.
func (l Link) with(step Step) Link {
	switch step.Kind {
	case Delay:
		l.MaxDelay = max(l.MinDelay, l.MaxDelay) + step.Delay
	case Drop:
		l.Drop = max(l.Drop, step.Chance)
	case DropResponse:
		l.DropResponse = max(l.DropResponse, step.Chance)
	case Duplicate:
		l.Duplicate = max(l.Duplicate, step.Chance)
	case Cut:
		l.Cut = true
	case BlackHole:
		l.BlackHole = true
	}
	return l
}
