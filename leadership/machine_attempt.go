// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"time"
)

// attempt is one scope of work within an epoch: from the catch-up to the end of
// Revoke.
type attempt struct {
	live    bool
	serial  uint64
	epoch   uint64
	number  int // within the epoch, from 1
	token   Token
	owed    bool      // Establish was called and Revoke was not
	ready   time.Time // when Establish succeeded; zero: it has not
	checked time.Time // when Reconcile last ended, or ready
	joined  bool      // no goroutine of Session.Go is left
	why     error     // a wish to end it: a goroutine failed, Reassert
	over    error     // why its context was cancelled; nil: it was not
	fault   bool      // that was a failure of the attempt
	overAt  time.Time
	stuck   bool // what runs did not return in time
}

func (m *machine) begin() {
	m.serial++
	if m.lead.Epoch != m.tried {
		m.tried, m.number = m.lead.Epoch, 0
	}
	m.number++
	m.cur = attempt{live: true, serial: m.serial, epoch: m.lead.Epoch, number: m.number}
	m.do(act{kind: actBegin})
	m.start(opCatchUp, 0)
}

// reason says why the present attempt must end, nil if it must not, and whether
// that is a failure.
func (m *machine) reason() (fault bool, why error) {
	switch {
	case m.lead.Closed:
		return false, ErrShutdown
	case !m.lead.Leader || m.lead.Epoch != m.cur.epoch:
		if m.lead.Cause == nil {
			return false, ErrLeaseLost
		}
		return false, m.lead.Cause
	case m.stop != nil:
		return false, m.stop
	case m.ask != nil:
		return false, ErrHandingOver
	case m.finding != nil:
		return false, m.finding
	default:
		return m.cur.why != ErrReasserted, m.cur.why
	}
}

// end cancels the attempt's context. Grace counts from here.
func (m *machine) end(cause error, fault bool) {
	m.cur.over, m.cur.overAt, m.cur.fault = cause, m.now, fault
	m.do(act{kind: actCancel, err: cause})
}

// proceed goes on with an attempt of which nothing runs.
func (m *machine) proceed() bool {
	c := &m.cur
	switch {
	case c.over == nil && c.ready.IsZero():
		c.owed = true
		m.start(opEstablish, m.establishTimeout())
	case c.over == nil && m.reconcileDue():
		m.start(opReconcile, m.conf.EstablishTimeout)
	case c.over == nil:
	case c.owed && !c.joined:
		m.start(opJoin, 0)
	case c.owed:
		m.start(opRevoke, m.conf.RevokeTimeout)
	default:
		return m.rest(m.finish())
	}
	return false
}

func (m *machine) reconcileDue() bool {
	every := m.conf.ReconcileEvery
	return every > 0 && !m.now.Before(m.cur.checked.Add(every))
}

// finish closes the books of an attempt, decides what its end means, and reports
// whether leadership should go elsewhere for it.
func (m *machine) finish() (decline bool) {
	c := m.cur
	m.cur = attempt{}
	if !c.ready.IsZero() && (!c.fault || c.overAt.Sub(c.ready) > lastBackoff) {
		m.failures = 0 // it had worked, and for a while if it failed then
	}
	if c.fault {
		return m.failed(c)
	}
	if m.lead.Epoch == c.epoch && refused(c.over) {
		m.notBefore = m.now.Add(firstBackoff) // raft knows of a loss before we do
	}
	return false
}

// refused reports whether raft itself said that it does not lead, or has ended.
func refused(err error) bool {
	class := Classify(err)
	return class == Lost || class == Terminal
}

// failed decides what a failure leads to: another try here, later each time, or
// a try elsewhere.
func (m *machine) failed(c attempt) (decline bool) {
	m.failures++
	slow := c.over == ErrEstablishTimeout // ours: one that a callback wraps is of a step of its own
	if slow {
		m.timeouts++
	}
	hopeless := slow || errors.Is(c.over, ErrNoProgress)
	if m.leads() && m.lead.Epoch == c.epoch { // a new leadership starts at once
		m.notBefore = m.now.Add(backoff(m.failures, m.jitter()))
		limit := m.conf.TransferAfter
		decline = limit > 0 && (hopeless || m.failures >= limit)
	}
	m.do(act{kind: actFailed, err: c.over, leaves: decline})
	return decline
}
