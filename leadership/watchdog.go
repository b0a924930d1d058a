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
	full          time.Time // since when a catch-up finds all places of its queue taken; zero: it does not
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
	restoring := d.restores.Load() > 0
	if restoring && d.raft.AppliedIndex() == d.restored.Load() { // raft answers nobody for as long as that takes
		d.rest(now)
		return
	}
	if d.replays(now) {
		d.verify.began = now
	}
	verified := d.verify.look(now, d.deadline(), ErrUnresponsive, question{
		due:      func() bool { return true },
		ask:      func() error { return d.probes.Verify(ctx) },
		answered: func(error) {},
	})
	d.found.set(unresponsive, verified, d.Runner)
	if restoring { // done, but the followers have still to take it
		d.forget(now)
		return
	}
	if d.status.Load().Phase == CatchingUp && !d.found.any(fsmStalled, writesStalled) {
		// A state machine that catches up may be slow, and has CatchUpStall for it: a
		// server that is restarted for that never catches up.
		d.forget(now)
		return
	}
	d.found.set(fsmStalled, d.lookAtFSM(now), d.Runner)
	stalled := d.probe(ctx, now)
	if d.conf.Watchdog.WriteProbe > 0 {
		d.found.set(writesStalled, stalled, d.Runner)
	}
}

// replays reports whether raft's main loop may wait for a state machine that catches
// up, as after a restart with more than its queue holds. Nothing shows whether that
// gets on; it has CatchUpStall.
func (d *watchdog) replays(now time.Time) bool {
	if d.status.Load().Phase != CatchingUp || d.found.any(unresponsive) || sampleFSM(d.raft.Stats()).pending < fsmQueue {
		d.full = time.Time{}
		return false
	}
	if d.full.IsZero() {
		d.full = now
	}
	return now.Sub(d.full) < d.conf.CatchUpStall
}

// rest forgets what was found. What is under way counts from here.
func (d *watchdog) rest(now time.Time) {
	for _, kind := range []findingKind{unresponsive, fsmStalled, writesStalled} {
		d.found.set(kind, nil, d.Runner)
	}
	d.verify.began = now
	d.forget(now)
}

// forget makes what takes writes look as if it had just taken one.
func (d *watchdog) forget(now time.Time) {
	d.write.began = now
	d.fsm, d.fsmSince = fsmSample{}, time.Time{}
}

// question is what a flight asks raft.
type question struct {
	due      func() bool // it is to be asked anew
	ask      func() error
	answered func(error)
}

// look takes in an answer, asks anew if none is awaited and it is due, and returns
// late if the answer takes longer than the deadline.
func (f *flight) look(now time.Time, deadline time.Duration, late error, q question) error {
	if f.answer != nil {
		select {
		case err := <-f.answer:
			f.answer = nil
			q.answered(err)
		default:
			if now.Sub(f.began) >= deadline {
				return late
			}
			return nil
		}
	}
	if q.due() {
		answer := make(chan error, 1)
		f.answer, f.began = answer, now
		go func() { answer <- q.ask() }()
	}
	return nil
}

// probe writes an empty entry now and then, and at every interval after a write
// was refused because of a transfer: a wedged flag shows in nothing else, and
// neither does its end. While one is awaited it is looked after at every interval.
func (d *watchdog) probe(ctx context.Context, now time.Time) error {
	every := d.conf.Watchdog.WriteProbe
	return d.write.look(now, d.deadline(), ErrWritesStalled, question{
		due: func() bool {
			due := every > 0 && !now.Before(d.nextWrite) || d.found.refusing()
			if due {
				d.nextWrite = now.Add(every)
			}
			return due
		},
		ask: func() error {
			_, err := d.writeProbes.Barrier(ctx)
			return err
		},
		answered: func(err error) { d.found.write(err, d.Runner) },
	})
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
