// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"fmt"
	"time"
)

// loop drives a machine: it brings it events and performs its acts, on one
// goroutine.
type loop struct {
	*Runner
	machine *machine
	ctx     context.Context // of Run
	values  context.Context // its values, without its end
	watch   *Watcher

	halt       context.CancelFunc // stops what runs beside the loop
	companions []companion

	phase   Phase
	entered time.Time // the phase

	result   error
	released chan struct{} // closed when Run may return although something is stuck
	ended    chan struct{} // closed when all is done
}

func newLoop(ctx context.Context, r *Runner) *loop {
	return &loop{
		Runner:   r,
		machine:  &machine{conf: r.conf, jitter: jitter},
		ctx:      ctx,
		values:   context.WithoutCancel(ctx),
		watch:    r.notifier.Watch(),
		entered:  time.Now(),
		released: make(chan struct{}),
		ended:    make(chan struct{}),
	}
}

func (l *loop) run() {
	defer close(l.ended)
	l.startBeside()
	l.publish(nil)
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for !l.machine.ended {
		l.setAlarm(alarm)
		l.wait(alarm)
		for _, ev := range append(l.mail.take(), event{kind: evTick}) {
			l.catchUpWithRaft()
			l.step(ev)
		}
	}
	if err := l.stopBeside(); err != nil {
		l.result = err
	}
	l.close()
}

func (l *loop) setAlarm(alarm *time.Timer) {
	if at := l.machine.alarm(); at.IsZero() {
		alarm.Stop()
	} else {
		alarm.Reset(max(0, time.Until(at)))
	}
}

// wait returns when there is something to do. The end of Run's context and that
// of raft are each told once.
func (l *loop) wait(alarm *time.Timer) {
	var changed, stop <-chan struct{}
	if !l.machine.lead.Closed {
		changed = l.watch.Changed()
	}
	if l.machine.stop == nil {
		stop = l.ctx.Done()
	}
	select {
	case <-l.mail.wake:
	case <-changed:
	case <-alarm.C:
	case <-stop:
		l.step(event{kind: evStop, err: fmt.Errorf("%w: %w", ErrStopped, context.Cause(l.ctx))})
	}
}

// catchUpWithRaft tells the newest leadership before anything else. A callback
// that ended because the hook cancelled its context must not be taken for one
// that failed, or that succeeded.
func (l *loop) catchUpWithRaft() {
	if l.machine.lead.Closed {
		return
	}
	if u, ok := l.watch.take(); ok {
		l.flapped(u)
		l.step(event{kind: evLeadership, state: u.State})
	}
}

func (l *loop) step(ev event) {
	var cause error
	for _, a := range l.machine.step(time.Now(), ev) {
		if a.err != nil {
			cause = a.err
		}
		l.perform(a)
	}
	l.publish(cause)
}

func (l *loop) perform(a act) {
	switch a.kind {
	case actBegin:
		l.begin()
	case actRun:
		l.start(a.op, a.timeout)
	case actReady:
		l.serving.Store(l.current)
	case actCancel:
		l.current.cancel(a.err)
		l.serving.Store(nil)
	case actStuck:
		l.giveUp(a.op, a.err)
	case actFailed:
		l.tellFailure(a)
	case actTransfer:
		l.handOver(a.to)
	case actStay:
		l.log.Warn("this server cannot use its leadership and keeps it: the budget of transfers is spent",
			"failures", l.machine.failures, "again_in", time.Until(l.machine.budgetFrom()).Round(time.Second))
	case actAnswer:
		l.reply(a.serial, a.err)
	case actRelease:
		l.release(a.err)
	}
}

func (l *loop) begin() {
	ctx, cancel := context.WithCancelCause(l.values)
	c := &l.machine.cur
	s := &Session{runner: l.Runner, ctx: ctx, cancel: cancel, serial: c.serial, epoch: c.epoch, attempt: c.number}
	l.mu.Lock()
	l.current = s
	l.mu.Unlock()
	l.notifier.bind(c.epoch, cancel)
}

// release lets Run return. When nothing is stuck the loop ends with this step,
// and Run waits for that.
func (l *loop) release(err error) {
	l.result = err
	if l.machine.ended || !l.machine.cur.stuck {
		return
	}
	l.mu.Lock()
	l.result = l.stuck
	l.mu.Unlock()
	_ = l.stopBeside() // one thing that is stuck is named
	l.stopped.Store(true)
	l.news.notify()
	close(l.released)
}

// close answers what came too late.
func (l *loop) close() {
	for _, ev := range l.mail.close() {
		if ev.kind == evTransfer {
			l.reply(ev.serial, ErrStopped)
		}
	}
	l.stopped.Store(true)
	l.news.notify()
}
