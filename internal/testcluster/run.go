// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

const (
	writeEvery   = 50 * time.Millisecond // Run's own load
	writeBound   = time.Second
	stepBound    = time.Second            // for a fault to take hold
	postponement = 250 * time.Millisecond // of a step that is not ready
	maxPostponed = 120
)

// Run carries out a schedule, and ends every fault of it before it returns,
// also when ctx ends. It writes to the cluster all the while, so that faults of
// stores and state machines have something to bite on; those writes are few and
// may fail. It does not check what came out: call [Cluster.Converged].
//
// Times are lower bounds. A fault of a kind that has not fired at all yet is
// kept up for up to 30 s more. A step whose target is down or hangs waits, with
// all that come after it, for as long; so does a transfer, until no other fault
// is on (hashicorp/raft#696 wedges what is transferred into trouble). If that does
// not help, the step is skipped, and the timeline says so. Where two
// faults of a kind overlap on a server, they end with the later one.
func (c *Cluster) Run(ctx context.Context, schedule Schedule) error {
	for i, step := range schedule {
		if err := c.runnable(step); err != nil {
			return fmt.Errorf("testcluster: step %d, %q: %w", i+1, step, err)
		}
	}
	c.mu.Lock()
	c.schedule = schedule
	c.mu.Unlock()
	writing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	if !c.tasks.spawn(func() { defer close(done); c.write(writing) }) {
		stop()
		return fmt.Errorf("%w: the cluster is closed", ErrDown)
	}
	r := &run{c: c, start: time.Now(), undo: make(map[int]active)}
	err := r.all(ctx, schedule)
	stop()
	<-done
	return err
}

func (c *Cluster) runnable(step Step) error {
	if err := step.validate(); err != nil {
		return err
	}
	if c.cfg.Pipes && slices.Contains(chancy, step.Kind) {
		return Link{Drop: step.Chance}.validate(true)
	}
	if step.On == OnLeader || step.On == OnOther {
		return nil
	}
	_, err := c.network.number(step.On)
	return err
}

// write is a client that keeps going.
func (c *Cluster) write(ctx context.Context) {
	for i := 0; sleep(ctx, writeEvery) == nil; i++ {
		bound, cancel := context.WithTimeout(ctx, writeBound)
		_, _ = c.Apply(bound, fmt.Appendf(nil, "run %d", i)) // a failed write is part of the chaos
		cancel()
	}
}

// run is the state of one Run. It lives on one goroutine.
type run struct {
	c     *Cluster
	start time.Time
	queue []event // by time
	undo  map[int]active
}

// event is the begin or the end of a step.
type event struct {
	at        time.Duration
	step      int
	end       bool
	postponed int
}

// active is a fault that has begun.
type active struct {
	step Step
	on   raft.ServerID
	end  func(context.Context) error
}

// same reports whether two faults are one and the same to the cluster.
func (a active) same(b active) bool {
	return a.step.Kind == b.step.Kind && (a.on == b.on || a.step.Kind == Partition)
}

func (r *run) push(e event) {
	i := slices.IndexFunc(r.queue, func(q event) bool { return q.at > e.at })
	if i < 0 {
		i = len(r.queue)
	}
	r.queue = slices.Insert(r.queue, i, e)
}

func (r *run) all(ctx context.Context, schedule Schedule) error {
	var at time.Duration
	for i, step := range schedule {
		at += step.After
		r.push(event{at: at, step: i})
	}
	var errs []error
	for len(r.queue) > 0 {
		e := r.queue[0]
		if err := sleep(ctx, e.at-time.Since(r.start)); err != nil {
			errs = append(errs, err)
			break
		}
		r.queue = r.queue[1:]
		if err := r.handle(ctx, e, schedule[e.step]); err != nil {
			errs = append(errs, err)
		}
	}
	for _, e := range r.queue { // left over when ctx has ended
		if e.end {
			errs = append(errs, r.finish(context.WithoutCancel(ctx), e.step))
		} else {
			r.c.counts.request(schedule[e.step].Kind)
		}
	}
	return errors.Join(errs...)
}

// hold puts off an event that is not ready, and with it all begins to come, so
// that what it waits for can come to an end.
func (r *run) hold(e event) {
	queue := r.queue
	r.queue = nil
	e.at += postponement
	e.postponed++
	r.push(e)
	for _, q := range queue {
		if !q.end {
			q.at += postponement
		}
		r.push(q)
	}
}

func (r *run) handle(ctx context.Context, e event, step Step) error {
	if e.end {
		return r.end(ctx, e, step)
	}
	a, err := r.begin(ctx, e.step, step)
	switch {
	case errors.Is(err, errNotYet) && e.postponed < maxPostponed:
		r.hold(e)
	case err != nil:
		r.c.counts.request(step.Kind) // it may not have come that far
		r.c.recorder.Record(timeline.Event{Kind: timeline.Note, Text: fmt.Sprintf("skipped %v: %v", step.Kind, err)})
	case a.end != nil:
		r.undo[e.step] = a
		r.push(event{at: time.Since(r.start) + step.For, step: e.step, end: true})
		if linkFault(step.Kind) {
			r.relink()
		}
	}
	return nil
}

func (r *run) end(ctx context.Context, e event, step Step) error {
	a := r.undo[e.step]
	if r.c.counts.fired[step.Kind].Load() == 0 && e.postponed < maxPostponed {
		e.at += postponement
		e.postponed++
		r.push(e)
		if step.Kind == FailSnapshot {
			return r.c.snapshot(r.c.Server(a.on)) // the first one found nothing to do
		}
		return nil
	}
	return r.finish(ctx, e.step)
}

// finish ends a fault, unless a later step has the same one on.
func (r *run) finish(ctx context.Context, step int) error {
	a := r.undo[step]
	delete(r.undo, step)
	for _, other := range r.undo {
		if a.same(other) {
			return nil
		}
	}
	return a.end(ctx)
}

var errNotYet = errors.New("not yet")

// begin finds the target of a step and starts its fault.
func (r *run) begin(ctx context.Context, i int, step Step) (active, error) {
	leader, _, _ := r.c.elections.top()
	var s *Server
	switch step.On {
	case OnLeader:
		if leader < 0 {
			return active{}, errNotYet
		}
		s = r.c.servers[leader]
	case OnOther:
		n := len(r.c.servers)
		s = r.c.servers[int(draws(mix(r.c.cfg.Seed^uint64(i))).unit(0)*float64(n))]
		if s.number == leader && n > 1 {
			s = r.c.servers[(s.number+1)%n]
		}
	default:
		s = r.c.Server(step.On)
	}
	a := active{step: step, on: s.id}
	switch {
	case step.Kind == Transfer:
		return active{}, r.transfer(ctx, leader, s)
	case linkFault(step.Kind):
		a.end = r.linkEnd(a)
		return a, nil
	}
	bound, cancel := context.WithTimeout(ctx, stepBound)
	defer cancel()
	var err error
	a.end, err = r.c.inflict(bound, s, step)
	if errors.Is(err, ErrDown) || errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", errNotYet, err) // it is down or hangs: it will be back
	}
	return a, err
}

// transfer hands leadership to s, or from s if it leads.
func (r *run) transfer(ctx context.Context, leader int, s *Server) error {
	if leader < 0 || len(r.undo) > 0 {
		return errNotYet
	}
	old := r.c.servers[leader]
	if s == old {
		s = r.c.servers[(old.number+1)%len(r.c.servers)]
	}
	n := old.current()
	if n == nil || !slices.Contains(r.c.heirs(old, n, n.raft.CurrentTerm()), s) {
		return errNotYet // the transfer would have to replicate first, which is where #696 strikes
	}
	if err := old.Transfer(ctx, s.id); err != nil {
		return fmt.Errorf("%w: %w", errNotYet, err)
	}
	return nil
}
