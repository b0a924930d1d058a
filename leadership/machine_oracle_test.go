// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// oracle knows from events and acts alone what a Runner promises, and says what
// does not hold. Of the machine it reads what loop.go reads: the phase, the alarm
// and whether it has ended.
type oracle struct {
	conf Config
	err  error
	now  time.Time

	lead    State
	handed  uint64 // the epoch that raft says it has handed over
	stop    bool
	finding bool
	endAt   time.Time // when Run was to return: stop, or the end of raft
	moves   int       // transfers that Run may wait for from then on
	paused  time.Duration
	late    time.Duration // paused since endAt

	// The attempt.
	live, over, caught, owed, joined, ready bool
	sessions, epoch                         uint64
	number                                  int // of the session in its epoch
	token                                   Token
	fault, hopeless, slowEnd, refused       bool
	cause                                   error
	overAt, readyAt, checked                time.Time

	// What runs.
	run     op
	since   time.Time
	timeout time.Duration
	stuck   bool

	// What came before.
	failures, slow   int
	lastFull         time.Duration // of the last pause
	earliest, latest time.Time     // of the next attempt, or of a transfer beside what is stuck
	autos            [2]time.Time  // of transfers that nobody asked for

	ask      uint64 // accepted and not answered; 0: none
	asked    uint64 // the ask that the transfer under way is for
	handing  bool
	from     uint64
	closing  bool // the transfer of TransferOnClose has been made
	released bool
	ended    bool

	want wants
}

// wants is what one step must do.
type wants struct {
	cancel   error
	fault    bool
	ready    bool
	stuck    bool
	failed   op // its failure is told
	attempt  bool
	decline  bool
	answer   uint64
	answered error
}

func (o *oracle) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

func (o *oracle) check(ok bool, format string, args ...any) {
	if !ok {
		o.fail(format, args...)
	}
}

func (o *oracle) leads() bool { return o.lead.Leader && o.lead.Epoch != o.handed }

func (o *oracle) ending() bool { return o.stop || o.lead.Closed }

// take learns of an event and works out what it must lead to.
func (o *oracle) take(now time.Time, ev event) {
	o.now, o.want = now, wants{}
	switch ev.kind {
	case evLeadership:
		o.leadership(ev.state)
	case evStop:
		o.stop = true
		o.endsNow()
		o.mustEnd(ev.err, false)
	case evTransfer:
		o.asking(ev.serial)
	case evFinding:
		o.finding = ev.err != nil
		if o.finding {
			o.mustEnd(ev.err, false)
		}
	case evEndAttempt:
		if ev.serial == o.sessions {
			o.mustEnd(ev.err, ev.err != ErrReasserted)
		}
	case evHanded:
		o.moved(ev.err)
	case evDone:
		o.done(ev.token, ev.err)
	case evTick:
		o.overdue()
	}
}

func (o *oracle) endsNow() {
	if !o.endAt.IsZero() {
		return
	}
	o.endAt, o.late = o.now, o.paused
	if o.handing || o.ask != 0 {
		o.moves++
	}
	if o.conf.TransferOnClose {
		o.moves++
	}
}

// mustEnd wants the session cancelled in this step, if there is one.
func (o *oracle) mustEnd(cause error, fault bool) {
	if o.live && !o.over {
		o.want.cancel, o.want.fault = cause, fault
	}
}

func (o *oracle) leadership(s State) {
	if s.Epoch != o.lead.Epoch || !s.Leader {
		o.earliest, o.latest = time.Time{}, o.now // a new leadership starts at once
	}
	o.lead = s
	switch {
	case s.Closed:
		o.endsNow()
		o.mustEnd(ErrShutdown, false)
	case s.Leader && s.Epoch == o.epoch:
	case s.Cause == nil:
		o.mustEnd(ErrLeaseLost, false)
	default:
		o.mustEnd(s.Cause, false)
	}
}

func (o *oracle) asking(id uint64) {
	switch {
	case o.lead.Closed:
		o.want.answer, o.want.answered = id, ErrClosed
	case o.stop:
		o.want.answer, o.want.answered = id, ErrStopped
	case o.ask != 0 || o.handing:
		o.want.answer, o.want.answered = id, ErrTransferPending
	default:
		o.ask = id
		o.mustEnd(ErrHandingOver, false)
	}
}

func (o *oracle) moved(err error) {
	o.check(o.handing, "the world answers a transfer that was not made")
	o.handing = false
	if err == nil {
		o.handed = o.from
	}
	o.earliest, o.latest = time.Time{}, o.now
	if (o.failures > 0 || o.stuck) && o.lead.Leader && o.lead.Epoch == o.from {
		o.pause(max(1, o.failures))
	}
	if o.asked != 0 && o.asked == o.ask {
		o.want.answer, o.want.answered = o.ask, err
	}
	o.asked = 0
}

// pause sets when the next attempt may and must be made after n failures in a row.
func (o *oracle) pause(n int) {
	full := 100 * time.Millisecond
	for i := 1; i < n && full < 10*time.Second; i++ {
		full *= 2
	}
	o.lastFull = min(full, 10*time.Second)
	o.earliest, o.latest = o.now.Add(o.lastFull/2), o.now.Add(o.lastFull)
}

func (o *oracle) done(token Token, err error) {
	ran, late := o.run, !o.now.Before(o.since.Add(o.timeout))
	o.check(ran != opNone, "the world returns from nothing")
	o.run, o.stuck = opNone, false
	switch {
	case ran == opJoin:
		o.joined = true
	case ran == opRevoke:
		o.owed = false
		if err != nil {
			o.want.failed = opRevoke
		}
	case o.over:
	case ran == opCatchUp && err == nil:
		o.caught, o.token = true, token
	case ran == opCatchUp:
		o.refused = err == raft.ErrNotLeader
		o.hopeless = !o.refused
		o.mustEnd(err, !o.refused)
	case late:
		o.timedOut(ran)
	case ran == opReconcile:
		o.checked = o.now
		if err == errPanic {
			o.mustEnd(err, true)
		} else if err != nil {
			o.want.failed = opReconcile
		}
	case err != nil:
		o.mustEnd(err, true)
	default:
		o.want.ready = true
	}
	if o.over && !o.owed {
		o.finish()
	}
}

func (o *oracle) timedOut(ran op) {
	if ran == opReconcile {
		o.mustEnd(ErrReconcileTimeout, true)
		return
	}
	o.slowEnd, o.hopeless = true, true
	o.mustEnd(ErrEstablishTimeout, true)
}

// deadline is when what runs must have returned, or else be given up; zero: never.
func (o *oracle) deadline() time.Time {
	grace := o.conf.Grace
	switch {
	case o.run == opNone || o.run == opCatchUp || o.stuck:
		return time.Time{}
	case o.run == opJoin:
		return o.since.Add(grace)
	case o.run == opRevoke:
		return o.since.Add(o.timeout + grace)
	case o.over:
		return o.overAt.Add(grace)
	default:
		return o.since.Add(o.timeout)
	}
}

func (o *oracle) overdue() {
	at := o.deadline()
	switch {
	case at.IsZero() || o.now.Before(at):
	case o.over:
		o.want.stuck = true
	default:
		o.timedOut(o.run)
	}
}

// finish is the end of an attempt: nothing runs, nothing is owed.
func (o *oracle) finish() {
	o.live = false
	if o.ready && (!o.fault || o.overAt.Sub(o.readyAt) > 10*time.Second) {
		o.failures = 0
	}
	here := o.leads() && o.lead.Epoch == o.epoch
	if o.latest.Before(o.now) {
		o.latest = o.now
	}
	switch {
	case o.fault:
		o.failures++
		if o.slowEnd {
			o.slow++
		}
		o.want.attempt = true
		limit := o.conf.TransferAfter
		if here {
			o.want.decline = limit > 0 && (o.hopeless || o.failures >= limit)
			o.pause(o.failures)
		}
	case here && o.refused:
		o.earliest = o.now.Add(100 * time.Millisecond)
		o.latest = o.earliest
	}
}

// act judges one act.
func (o *oracle) act(a act) {
	o.check(!o.ended || a.kind == actAnswer, "an act after the end")
	switch a.kind {
	case actBegin:
		o.begin()
	case actRun:
		o.start(a)
	case actReady:
		o.check(o.want.ready && o.live && !o.over, "a session serves that should not")
		o.want.ready = false
		o.ready, o.readyAt, o.checked, o.slow = true, o.now, o.now, 0
	case actCancel:
		o.cancel(a.err)
	case actStuck:
		o.check(o.want.stuck && a.op == o.run, "%v is said to be stuck", a.op)
		o.check(a.err == o.cause, "what is stuck was cancelled by %v, and %v is told", o.cause, a.err)
		o.want.stuck, o.stuck = false, true
		o.earliest, o.latest = time.Time{}, o.now
	case actFailed:
		o.failed(a)
	case actTransfer:
		o.transfer(a)
	case actStay:
		o.check(o.want.decline && o.spent(), "leadership is kept without a reason")
		o.want.decline = false
	case actAnswer:
		o.answer(a)
	case actRelease:
		o.release(a.err)
	}
}

func (o *oracle) begin() {
	o.check(!o.live && o.run == opNone, "an attempt beside another")
	o.check(!o.handing, "an attempt during a transfer")
	o.check(o.leads(), "an attempt without leadership")
	o.check(!o.finding, "an attempt while fenced")
	o.check(!o.ending() && o.ask == 0, "an attempt when there is no more to be one")
	o.check(!o.now.Before(o.earliest), "an attempt %v too early", o.earliest.Sub(o.now))
	o.live, o.over, o.caught, o.owed, o.joined, o.ready = true, false, false, false, false, false
	o.token = Token{}
	o.fault, o.hopeless, o.slowEnd, o.refused, o.cause = false, false, false, false, nil
	o.sessions++
	if o.number++; o.epoch != o.lead.Epoch {
		o.epoch, o.number = o.lead.Epoch, 1
	}
}

func (o *oracle) start(a act) {
	o.check(o.run == opNone, "%v beside %v", a.op, o.run)
	o.check(o.live, "%v without a session", a.op)
	ok, timeout := false, time.Duration(0)
	switch a.op {
	case opCatchUp:
		ok = !o.over && !o.caught
	case opEstablish:
		ok = !o.over && o.caught && !o.owed && !o.ready
		o.owed = true
		timeout = o.conf.EstablishTimeout
		for range min(o.slow, 6) {
			timeout *= 2
		}
	case opReconcile:
		every := o.conf.ReconcileEvery
		ok = !o.over && o.ready && every > 0 && !o.now.Before(o.checked.Add(every))
		timeout = o.conf.EstablishTimeout
	case opJoin:
		ok = o.over && o.owed && !o.joined
	case opRevoke:
		ok = o.over && o.owed && o.joined
		timeout = o.conf.RevokeTimeout
	}
	o.check(ok, "%v at the wrong time", a.op)
	o.check(a.timeout == timeout, "%v has %v, not %v", a.op, a.timeout, timeout)
	o.run, o.since, o.timeout, o.stuck = a.op, o.now, timeout, false
}

func (o *oracle) cancel(cause error) {
	o.check(o.live && !o.over, "a session is cancelled that is not there, or twice")
	o.check(o.want.cancel != nil && cause == o.want.cancel, "a session ends by %v, not by %v", cause, o.want.cancel)
	o.over, o.overAt, o.cause, o.fault = true, o.now, cause, o.want.fault
	o.want.cancel = nil
	if o.run == opNone && !o.owed {
		o.finish()
	}
}

func (o *oracle) failed(a act) {
	switch a.op {
	case opNone:
		o.check(o.want.attempt && a.err == o.cause, "an attempt is said to have failed by %v; it ended by %v", a.err, o.cause)
		o.want.attempt = false
	default:
		o.check(o.want.failed == a.op && a.err != nil, "%v is said to have failed", a.op)
		o.want.failed = opNone
	}
}

// spent reports whether two transfers that nobody asked for were made in the last
// ten minutes.
func (o *oracle) spent() bool {
	return !o.autos[0].IsZero() && o.now.Sub(o.autos[0]) < 10*time.Minute
}

func (o *oracle) transfer(a act) {
	o.check(!o.handing, "a transfer beside another")
	o.check(o.run == opNone || o.stuck, "a transfer beside %v", o.run)
	o.check(o.stuck || !o.live, "a transfer before all is undone")
	o.check(o.leads(), "a transfer without leadership")
	o.check(!o.released, "a transfer after Run has returned")
	o.handing, o.from, o.asked = true, o.lead.Epoch, 0
	switch {
	case o.ask != 0:
		o.check(a.to == "n2", "a transfer to %q", a.to)
		o.asked = o.ask
	case o.stop:
		o.check(o.conf.TransferOnClose && !o.closing, "a transfer at the end that nobody wants")
		o.closing = true
	default:
		o.check(o.conf.TransferAfter > 0, "a transfer that Config forbids")
		o.check(o.want.decline || o.stuck, "a transfer without a reason")
		o.check(!o.now.Before(o.earliest) || o.want.decline, "a transfer too soon after the last")
		o.check(!o.spent(), "a third transfer in ten minutes")
		o.autos[0], o.autos[1] = o.autos[1], o.now
		o.want.decline = false
	}
}

func (o *oracle) answer(a act) {
	switch a.serial {
	case o.want.answer:
		o.check(a.err == o.want.answered, "ask %d gets %v, not %v", a.serial, a.err, o.want.answered)
		o.want.answer = 0
		if a.serial == o.ask {
			o.ask = 0
		}
	case o.ask: // it cannot be carried out
		o.check(a.err != nil, "ask %d gets nil without a transfer", a.serial)
		o.check(!o.leads() || o.stuck && o.ending(), "ask %d is turned down by %v", a.serial, a.err)
		o.ask, o.asked = 0, 0
	default:
		o.fail("an answer to %d, which nobody waits for", a.serial)
	}
}

func (o *oracle) release(err error) {
	var want error
	switch {
	case o.stuck:
		want = ErrStuck
	case !o.stop:
		want = ErrClosed
	}
	o.check(o.ending(), "Run returns without a reason")
	o.check(!o.released, "Run returns twice")
	o.check(!o.live || o.stuck, "Run returns before all is undone")
	o.check(!o.handing || o.stuck, "Run returns during a transfer")
	o.check(err == want, "Run returns %v, not %v", err, want)
	o.released = true
}

// settle judges what a step has left behind. returned says that what runs has
// returned, and the machine has still to hear of it.
func (o *oracle) settle(m *machine, returned, tick bool) {
	w := &o.want
	o.check(w.cancel == nil, "a session must end by %v and does not", w.cancel)
	o.check(!w.ready, "an establish succeeded and the session does not serve")
	o.check(!w.stuck || returned, "%v is stuck and nobody is told", o.run)
	o.check(w.failed == opNone, "the failure of %v is not told", w.failed)
	o.check(!w.attempt, "the failure of an attempt is not told")
	o.check(w.answer == 0, "ask %d is not answered", w.answer)
	o.check(!w.decline || o.handing || o.ask != 0 || o.ending(), "leadership is of no use and is kept silently")
	idle := !o.live && !o.handing
	free := idle || o.stuck && !o.handing
	switch {
	case o.live && o.run == opNone && (!o.ready || o.over):
		o.fail("a session waits for nothing")
	case o.ask != 0 && free:
		o.fail("ask %d waits for nothing", o.ask)
	case idle && o.leads() && !o.finding && !o.ending() && !o.now.Before(o.latest):
		o.fail("leadership is not used")
	case free && o.stuck && o.declines() && !o.now.Before(o.transferAt()):
		o.fail("leadership is kept beside what is stuck")
	case o.ending() && !o.released && (idle || o.stuck):
		o.fail("Run does not return")
	}
	if o.live {
		c := &m.cur
		o.check(c.token == o.token, "a session with the token %v, not %v", c.token, o.token)
		o.check(c.serial == o.sessions && c.epoch == o.epoch && c.number == o.number, "a session of another name: %d, %d.%d", c.serial, c.epoch, c.number)
	}
	o.ended = m.ended
	o.check(m.ended == (o.released && !o.live && !o.handing), "ended is %v", m.ended)
	o.check(m.phase() == o.phase(), "the phase is %v, not %v", m.phase(), o.phase())
	o.check(cap(m.acts) <= 16 && len(m.spent) <= 3 && cap(m.spent) <= 8, "memory grows: %d acts, %d transfers", cap(m.acts), cap(m.spent))
	if tick {
		o.alarm(m.alarm())
		o.bound()
	}
}

func (o *oracle) declines() bool {
	return o.leads() && !o.ending() && o.conf.TransferAfter > 0
}

// transferAt is when leadership must be declined beside what is stuck.
func (o *oracle) transferAt() time.Time {
	if o.spent() && o.latest.Before(o.autos[0].Add(10*time.Minute)) {
		return o.autos[0].Add(10 * time.Minute)
	}
	return o.latest
}

// alarm requires that the machine wakes in time for whatever it must do, and never
// for what has been.
func (o *oracle) alarm(at time.Time) {
	need := o.deadline()
	switch {
	case o.ended:
		o.check(at.IsZero(), "an alarm after the end")
		return
	case o.stuck && !o.handing && o.declines():
		need = o.transferAt()
	case o.live && !o.over && o.ready && o.run == opNone && o.conf.ReconcileEvery > 0:
		need = o.checked.Add(o.conf.ReconcileEvery)
	case !o.live && !o.handing && o.leads() && !o.finding && !o.ending():
		need = o.latest
	}
	o.check(at.IsZero() || at.After(o.now), "the alarm is in the past, by %v", o.now.Sub(at))
	o.check(need.IsZero() || !at.IsZero() && !at.After(need), "the alarm is at %v and must be at %v", at, need)
}

// bound is when Run must have returned.
func (o *oracle) bound() {
	if o.endAt.IsZero() || o.released {
		return
	}
	took := o.now.Sub(o.endAt) - (o.paused - o.late)
	limit := o.conf.RevokeTimeout + 3*o.conf.Grace + time.Duration(o.moves)*moveBound
	o.check(took <= limit, "Run still runs %v after its end, %v at most", took, limit)
}

func (o *oracle) phase() Phase {
	switch {
	case o.ended:
		return Closed
	case o.stuck:
		return Quarantined
	case o.run == opRevoke:
		return Revoking
	case o.live && o.over:
		return Draining
	case o.run == opCatchUp:
		return CatchingUp
	case o.live && o.ready:
		return Serving
	case o.live:
		return Establishing
	case o.handing:
		return HandingOver
	case o.leads():
		return Waiting
	default:
		return Following
	}
}
