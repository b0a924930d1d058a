// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "time"

// machine is what a Runner decides with. It is a pure function of what it is
// told: no clock, no goroutine, no call. Every step takes one event and returns
// the acts to perform, in order, before the next event.
//
// Of the three things that run on other goroutines it starts one at a time: the
// catch-up or a callback (run), and a transfer (handing). Only beside a callback
// that does not return may a transfer run.
type machine struct {
	conf   Config         // without zero fields
	jitter func() float64 // in [0,1)

	now     time.Time
	lead    State
	stop    error // why Run is to end; nil: it is not
	finding error // of the watchdog, if it fences

	cur   attempt
	run   op        // what runs now; opNone: nothing
	since time.Time // when it was started

	notBefore time.Time // the next attempt, or the next transfer beside what is stuck
	failures  int       // attempts in a row that failed
	timeouts  int       // that were too slow, since an Establish succeeded

	ask     *ask // the transfer that was asked for
	spent   []time.Time
	handing bool   // a transfer runs
	from    uint64 // the epoch it hands over
	handed  uint64 // the epoch that was handed over last

	partAsked bool // TransferOnClose has been tried
	released  bool // Run has been told to return
	ended     bool
	serial    uint64 // of the last attempt
	tried     uint64 // its epoch
	number    int    // and its number there
	acts      []act
}

// step takes one event. The acts are valid until the next step.
func (m *machine) step(now time.Time, ev event) []act {
	m.now, m.acts = now, m.acts[:0]
	m.take(ev)
	for m.advance() { //nolint:revive // the condition is the work
	}
	return m.acts
}

func (m *machine) take(ev event) {
	switch ev.kind {
	case evLeadership:
		if ev.state.Epoch != m.lead.Epoch || !ev.state.Leader {
			m.notBefore = m.now
		}
		m.lead = ev.state
	case evDone:
		m.returned(ev.token, ev.err)
	case evHanded:
		m.handedOver(ev.err)
	case evEndAttempt:
		if m.cur.live && m.cur.serial == ev.serial && m.cur.why == nil {
			m.cur.why = ev.err
		}
	case evTransfer:
		m.asked(ask{id: ev.serial, to: ev.to})
	case evStop:
		m.stop = ev.err
	case evFinding:
		m.finding = ev.err
	case evTick: // the last of a batch: what has returned, or lost its leadership, is not overdue
		m.overdue()
	}
}

// advance takes one decision and reports whether there may be another.
func (m *machine) advance() bool {
	if m.cur.live && m.cur.over == nil {
		if fault, why := m.reason(); why != nil {
			m.end(why, fault)
		}
	}
	switch {
	case m.ended:
		return false
	case m.run != opNone:
		return m.cur.stuck && m.besideStuck()
	case m.cur.live:
		return m.proceed()
	default:
		return m.rest(false)
	}
}

// rest decides when there is no attempt. decline says that the last one, which ended
// in this step, is reason to hand leadership over.
func (m *machine) rest(decline bool) bool {
	switch {
	case m.handing:
		return false
	case m.released:
		m.ended = true
	case m.lead.Closed:
		m.answer(ErrClosed)
		if m.stop != nil {
			m.release(nil)
		} else {
			m.release(ErrClosed)
		}
		m.ended = true
	case m.ask != nil:
		return m.transferAsAsked()
	case m.stop != nil:
		return m.part()
	case !m.leads():
	case decline:
		return m.transferByPolicy()
	case m.finding != nil || m.now.Before(m.notBefore):
	default:
		m.begin()
	}
	return false
}

// leads reports whether there is a leadership to use: the one handed over ends
// without our help, only that news may take a moment.
func (m *machine) leads() bool { return m.lead.Leader && m.lead.Epoch != m.handed }

// part is the last thing before Run returns: leadership may be handed over.
func (m *machine) part() bool {
	if m.conf.TransferOnClose && m.leads() && !m.partAsked {
		m.partAsked = true
		m.transfer("")
		return false
	}
	m.release(nil)
	m.ended = true
	return false
}

// release lets Run return. What is stuck, and the Revoke that is owed for it,
// is waited for all the same.
func (m *machine) release(err error) {
	m.released = true
	m.do(act{kind: actRelease, err: err})
}

func (m *machine) do(a act) { m.acts = append(m.acts, a) }

func (m *machine) start(o op, timeout time.Duration) {
	m.run, m.since = o, m.now
	m.do(act{kind: actRun, op: o, timeout: timeout})
}
