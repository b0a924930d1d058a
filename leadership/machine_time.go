// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"time"
)

const (
	// Of the pause before another attempt, without its jitter.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 10 * time.Second

	// An establish that was too slow gets twice the time in the next attempt,
	// six times at most.
	maxDoublings = 6
)

// backoff is the pause after the n-th failure in a row: between half and all of
// a value that doubles up to a cap. The jitter keeps servers that fail for one
// common reason from trying again in step.
func backoff(n int, jitter float64) time.Duration {
	full := lastBackoff
	if n < 8 {
		full = min(full, firstBackoff<<max(n-1, 0))
	}
	return full/2 + time.Duration(jitter*float64(full/2))
}

func (m *machine) establishTimeout() time.Duration {
	return m.conf.EstablishTimeout << min(m.timeouts, maxDoublings)
}

// due returns when what runs is out of time; zero: never. A callback whose
// context has ended has Grace to return, and so has each later step; the catch-up
// is ours and always returns.
func (m *machine) due() time.Time {
	switch c := &m.cur; {
	case m.run == opNone || m.run == opCatchUp || c.stuck:
		return time.Time{}
	case m.run == opRevoke:
		return m.since.Add(m.conf.RevokeTimeout + m.conf.Grace)
	case m.run == opJoin:
		return m.since.Add(m.conf.Grace)
	case c.over != nil:
		return c.overAt.Add(m.conf.Grace)
	case m.run == opReconcile:
		return m.since.Add(m.conf.EstablishTimeout)
	default:
		return m.since.Add(m.establishTimeout())
	}
}

// alarm returns when the next step is due at the latest; zero: when something
// happens.
func (m *machine) alarm() time.Time {
	switch c := &m.cur; {
	case m.ended:
		return time.Time{}
	case c.stuck && m.leads() && m.stop == nil && !m.handing && m.conf.TransferAfter > 0:
		return m.nextTransfer()
	case m.run != opNone:
		return m.due()
	case c.live && m.conf.ReconcileEvery > 0:
		return c.checked.Add(m.conf.ReconcileEvery)
	case !m.handing && m.leads() && m.finding == nil && m.now.Before(m.notBefore):
		return m.notBefore
	default:
		return time.Time{}
	}
}

// overdue ends what is out of time, and then gives it up.
func (m *machine) overdue() {
	due := m.due()
	if due.IsZero() || m.now.Before(due) {
		return
	}
	if m.cur.over == nil {
		m.end(timedOut(m.run), true)
		return
	}
	m.cur.stuck = true
	m.notBefore = m.now // the pause after a transfer for what was stuck before does not count
	m.do(act{kind: actStuck, op: m.run, err: m.cur.over})
}

func timedOut(o op) error {
	if o == opReconcile {
		return ErrReconcileTimeout
	}
	return ErrEstablishTimeout
}

// returned takes in the end of what ran. What Establish says counts only if its
// context still stands: work that was finished too late is a failure.
func (m *machine) returned(token Token, err error) {
	c := &m.cur
	ran := m.run
	late := c.over == nil && ran != opCatchUp && !m.now.Before(m.due())
	m.run, c.stuck = opNone, false
	switch {
	case ran == opJoin:
		c.joined = true
	case ran == opRevoke:
		c.owed = false
		if err != nil {
			m.do(act{kind: actFailed, op: opRevoke, err: err})
		}
	case c.over != nil:
	case late:
		m.end(timedOut(ran), true)
	case ran == opReconcile:
		m.reconciled(err)
	case err != nil:
		m.end(err, ran != opCatchUp || !refused(err))
	case ran == opCatchUp:
		c.token = token
	default:
		c.ready, c.checked = m.now, m.now
		m.timeouts = 0
		m.do(act{kind: actReady})
	}
}

// reconciled goes on after an error, which the next round may mend. A panic is
// another matter: nobody knows what it left behind.
func (m *machine) reconciled(err error) {
	m.cur.checked = m.now
	if err == nil {
		return
	}
	if errors.Is(err, errPanicked) {
		m.end(err, true)
		return
	}
	m.do(act{kind: actFailed, op: opReconcile, err: err})
}

// phase is derived, so that it cannot disagree.
func (m *machine) phase() Phase {
	switch c := &m.cur; {
	case m.ended:
		return Closed
	case c.stuck:
		return Quarantined
	case m.run == opRevoke:
		return Revoking
	case c.over != nil:
		return Draining
	case m.run == opCatchUp:
		return CatchingUp
	case c.live && c.ready.IsZero():
		return Establishing
	case c.live:
		return Serving
	case m.handing:
		return HandingOver
	case m.leads():
		return Waiting
	default:
		return Following
	}
}
