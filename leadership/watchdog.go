// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"strconv"
	"time"
)

// watchdog looks every interval whether raft can still lead. It is one goroutine
// while Run runs, and looks only while this server leads.
type watchdog struct {
	*Runner
	verify, write flight
	nextWrite     time.Time
	fsm           fsmSample
	fsmSince      time.Time // since when the state machine took nothing; zero: it does
}

// flight is a question to raft that is under way. There is one at a time: what
// hangs would hang the next one too.
type flight struct {
	answer chan error // nil: none is under way
	began  time.Time
}

func (d *watchdog) run(ctx context.Context) {
	for pause(ctx, d.interval()) == nil {
		d.look(ctx, time.Now())
	}
}

func (r *Runner) interval() time.Duration {
	if i := r.conf.Watchdog.Interval; i > 0 {
		return i
	}
	return r.raft.ReloadableConfig().ElectionTimeout / 2
}

func (r *Runner) deadline() time.Duration {
	if d := r.conf.Watchdog.Deadline; d > 0 {
		return d
	}
	return r.raft.ReloadableConfig().ElectionTimeout * 3 / 2
}

func (d *watchdog) look(ctx context.Context, now time.Time) {
	if !d.notifier.State().Leader {
		d.found.set(transferWedged, nil, d.Runner)
		d.rest(now)
		return
	}
	if d.restores.Load() > 0 { // raft answers nobody for as long as that takes
		d.rest(now)
		return
	}
	verified := d.verify.look(now, d.deadline(), ErrUnresponsive, nil, func() error { return d.probes.Verify(ctx) })
	d.found.set(unresponsive, verified, d.Runner)
	d.found.set(fsmStalled, d.lookAtFSM(now), d.Runner)
	if d.conf.Watchdog.WriteProbe > 0 {
		d.found.set(writesStalled, d.probe(ctx, now), d.Runner)
	}
}

// rest forgets what was found. What is under way counts from here.
func (d *watchdog) rest(now time.Time) {
	for _, kind := range []findingKind{unresponsive, fsmStalled, writesStalled} {
		d.found.set(kind, nil, d.Runner)
	}
	d.verify.began, d.write.began = now, now
	d.fsm, d.fsmSince = fsmSample{}, time.Time{}
}

// look takes in an answer, asks anew if none is awaited, and returns late if the
// answer takes longer than the deadline.
func (f *flight) look(now time.Time, deadline time.Duration, late error, answered func(error), question func() error) error {
	if f.answer != nil {
		select {
		case err := <-f.answer:
			f.answer = nil
			if answered != nil {
				answered(err)
			}
		default:
			if now.Sub(f.began) >= deadline {
				return late
			}
			return nil
		}
	}
	answer := make(chan error, 1)
	f.answer, f.began = answer, now
	go func() { answer <- question() }()
	return nil
}

// probe writes an empty entry now and then. While one is awaited it is looked
// after at every interval.
func (d *watchdog) probe(ctx context.Context, now time.Time) error {
	if d.write.answer == nil && now.Before(d.nextWrite) {
		return nil
	}
	was := d.write.began
	err := d.write.look(now, d.deadline(), ErrWritesStalled, func(err error) { d.found.write(err, d.Runner) },
		func() error {
			_, err := d.writeProbes.Barrier(ctx)
			return err
		})
	if d.write.began != was {
		d.nextWrite = now.Add(d.conf.Watchdog.WriteProbe)
	}
	return err
}

// fsmSample is how much raft has handed to the state machine, and how many batches
// of that it has not taken.
type fsmSample struct {
	applied, pending uint64
	taken            bool // this is a sample
}

// lookAtFSM finds a state machine that takes nothing. A hanging Apply blocks raft,
// and so VerifyLeader, only when 128 batches wait behind it (api.go, fsmMutateCh).
func (d *watchdog) lookAtFSM(now time.Time) error {
	next := sampleFSM(d.raft.Stats())
	halted := d.fsm.haltedUntil(next)
	d.fsm = next
	switch {
	case !halted:
		d.fsmSince = time.Time{}
	case d.fsmSince.IsZero():
		d.fsmSince = now.Add(-d.interval()) // it took nothing since the sample before
	}
	if d.fsmSince.IsZero() || now.Sub(d.fsmSince) < d.deadline() {
		return nil
	}
	return ErrFSMStalled
}

func sampleFSM(stats map[string]string) fsmSample {
	applied, err1 := strconv.ParseUint(stats["applied_index"], 10, 64)
	pending, err2 := strconv.ParseUint(stats["fsm_pending"], 10, 64)
	return fsmSample{applied, pending, err1 == nil && err2 == nil}
}

// haltedUntil reports whether the state machine provably took no batch between two
// samples. It took as many as were handed to it and do not wait, and each handed
// batch raises the applied index by one at least.
func (s fsmSample) haltedUntil(next fsmSample) bool {
	return s.taken && next.taken && s.pending > 0 && next.pending >= s.pending &&
		next.pending-s.pending >= next.applied-s.applied
}
