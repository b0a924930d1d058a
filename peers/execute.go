// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// errInFlight is a look that cannot be made: its change could not be.
var errInFlight = errors.New("peers: a change is still in flight, and its end not known; nothing is done before it is")

const theChange = "raft, for a change" // an errand, and so one at a time

// step looks once and makes at most one change. done: it was made.
func (r *Reconciler) step(ctx context.Context) (plan Plan, done bool, err error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Plan{}, false, fmt.Errorf("peers: somebody else is looking: %w", context.Cause(ctx))
	}
	if r.errands.isOut(theChange) {
		return Plan{}, false, errInFlight
	}
	s, err := r.look(ctx)
	if err != nil {
		return Plan{}, false, err
	}
	plan = r.plan(s)
	if r.conf.Events.Planned != nil {
		r.conf.Events.Planned(s, plan)
	}
	if plan.Next == nil || r.conf.DryRun {
		return plan, false, nil
	}
	if err := r.check(s, *plan.Next); err != nil {
		r.log.Error("the plan and its check do not agree; nothing is changed", "change", plan.Next, "error", err)
		return plan, false, fmt.Errorf("peers: the plan's next change, %v of %q, does not pass its check; please report it: %w", plan.Next.Op, string(plan.Next.Server.ID), err)
	}
	err = r.act(ctx, s, plan)
	return plan, err == nil, err
}

// look proves that this server leads, and gathers. Without the proof a leader that is
// cut off would see everybody else dead.
func (r *Reconciler) look(ctx context.Context) (State, error) {
	if err := r.verify(ctx); err != nil {
		return State{}, err
	}
	before := r.servers()
	index, err := r.probeIndex(ctx)
	if err != nil {
		return State{}, err
	}
	s, err := r.gather(ctx, index)
	if err != nil {
		return State{}, err
	}
	// No change was in flight, so what the probe saw was committed; and it saw what
	// was there before it, if that is there still.
	if DigestOf(before) == DigestOf(s.Servers) {
		r.local.learn(index, s.Servers)
		r.keep(index, s.Servers)
	}
	return s, nil
}

func (r *Reconciler) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.conf.RaftTimeout)
	defer cancel()
	_, err := errand(ctx, &r.errands, "raft, to verify leadership", func(context.Context) (struct{}, error) {
		return struct{}{}, r.raft.VerifyLeader().Error()
	})
	if err != nil {
		return fmt.Errorf("peers: this server cannot prove that it leads, so it changes nothing: %w", err)
	}
	return nil
}

// act makes the change of a plan that was checked, and has it audited before and after.
func (r *Reconciler) act(ctx context.Context, s State, plan Plan) error {
	c := *plan.Next
	record := Record{Time: s.Now, Server: r.self, Term: r.memory.term, Input: digestOfState(s), Plan: plan, Change: c, Result: Begun}
	if err := r.audit(record); err != nil {
		return fmt.Errorf("peers: the audit cannot be written, so nothing is changed: %w", err)
	}
	if costs(c) {
		r.memory.removals = append(r.memory.removals, s.Now) // also if its end is not known
	}
	begun := time.Now()
	index, err := r.execute(ctx, s, c)
	record.Time, record.Took, record.Index, record.Result = time.Now(), time.Since(begun), index, resultOf(err)
	if err != nil {
		record.Error = err.Error()
	} else {
		record.Confirmed = r.confirm(s, c, index)
	}
	err = errors.Join(wrapped(c, err), r.audit(record))
	r.log.Info("change", "op", c.Op, "server", c.Server.ID, "address", c.Server.Address, "result", record.Result, "index", index, "reason", c.Reason, "error", err)
	return err
}

func wrapped(c Change, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("peers: %v %q: %v: %w", c.Op, string(c.Server.ID), resultOf(err), err)
}

// costs reports whether a change takes a vote away.
func costs(c Change) bool {
	return c.Was.Suffrage == raft.Voter && c.Was.ID != "" && (c.Op == Remove || c.Op == Demote)
}

// execute makes one call to raft, or to whoever transfers, and waits for its end. Every
// change names the index it was planned for. Between its enqueueing and its end it
// gets RaftTimeout each; after that nobody waits for it any more, and nobody begins another
// while it is out.
func (r *Reconciler) execute(ctx context.Context, s State, c Change) (uint64, error) {
	if c.Op == Handover {
		return 0, r.handOver(ctx, c.Server)
	}
	call, err := r.call(c, s.ConfigIndex)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*r.conf.RaftTimeout)
	defer cancel()
	return errand(ctx, &r.errands, theChange, func(context.Context) (uint64, error) {
		future := call()
		if err := future.Error(); err != nil {
			return 0, err
		}
		return future.Index(), nil
	})
}

// call is how raft is told of a change. AddVoter of a nonvoter promotes it, and AddVoter or
// AddNonvoter of one that has that suffrage changes its address (configuration.go,
// nextConfiguration).
func (r *Reconciler) call(c Change, index uint64) (func() raft.IndexFuture, error) {
	id, address, wait := c.Server.ID, c.Server.Address, r.conf.RaftTimeout
	switch {
	case index == 0:
		return nil, ErrNoIndex // 0 would switch the comparison off
	case c.Op == Remove:
		return func() raft.IndexFuture { return r.raft.RemoveServer(id, index, wait) }, nil
	case c.Op == Demote:
		return func() raft.IndexFuture { return r.raft.DemoteVoter(id, index, wait) }, nil
	case c.Op == Promote, c.Op == Reassert, (c.Op == Readdress || c.Op == Park) && c.Was.Suffrage == raft.Voter:
		return func() raft.IndexFuture { return r.raft.AddVoter(id, address, index, wait) }, nil
	case c.Op == AddNonvoter, c.Op == Readdress, c.Op == Park:
		return func() raft.IndexFuture { return r.raft.AddNonvoter(id, address, index, wait) }, nil
	}
	return nil, fmt.Errorf("peers: no call to raft makes the change %v", c.Op)
}

var errHandedOver = errors.New("raft was asked to hand over once in this leadership, and is not asked again (hashicorp/raft#696); set Config.Transfer")

// handOver gives leadership to a voter.
func (r *Reconciler) handOver(ctx context.Context, to raft.Server) error {
	ctx, cancel := context.WithTimeout(ctx, r.conf.RaftTimeout)
	defer cancel()
	transfer := r.conf.Transfer
	if transfer == nil {
		if r.memory.handed {
			return fmt.Errorf("%w: %w", errRefused, errHandedOver)
		}
		r.memory.handed = true
		transfer = func(context.Context, raft.ServerID) error {
			return r.raft.LeadershipTransferToServer(to.ID, to.Address).Error()
		}
	}
	_, err := errand(ctx, &r.errands, "the transfer of leadership", tame("Config.Transfer", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, transfer(ctx, to.ID)
	}))
	return err
}

// confirm reads the list again. It may differ although raft said yes: somebody else
// changes it, too.
func (r *Reconciler) confirm(s State, c Change, index uint64) bool {
	if c.Op == Handover {
		return r.raft.State() != raft.Leader
	}
	now, want := r.servers(), DigestOf(after(s.Servers, c))
	if DigestOf(now) != want {
		return false
	}
	r.mark.Store(&mark{index: index, digest: want})
	return true
}

// after is the list with a change made.
func after(servers []raft.Server, c Change) []raft.Server {
	var list []raft.Server
	for _, s := range servers {
		if s.ID != c.Server.ID {
			list = append(list, s)
		}
	}
	if c.Op != Remove {
		list = append(list, c.Server)
	}
	return list
}
