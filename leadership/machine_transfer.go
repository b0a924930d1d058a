// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Transfers that nobody asked for: a cluster whose honest establish is slow must
// not rotate leadership for ever, and each transfer is a risk (hashicorp/raft#696).
const (
	transferBudget = 2
	budgetPeriod   = 10 * time.Minute
)

// asked takes in a request. There is one at a time, as in raft.
func (m *machine) asked(a ask) {
	switch {
	case m.lead.Closed:
		m.do(act{kind: actAnswer, serial: a.id, err: ErrClosed})
	case m.stop != nil:
		m.do(act{kind: actAnswer, serial: a.id, err: ErrStopped})
	case m.ask != nil || m.handing:
		m.do(act{kind: actAnswer, serial: a.id, err: ErrTransferPending})
	default:
		m.ask = &a
	}
}

func (m *machine) answer(err error) {
	if m.ask != nil {
		m.do(act{kind: actAnswer, serial: m.ask.id, err: err})
		m.ask = nil
	}
}

// transferAsAsked is where the request stands once all is undone, or cannot be.
func (m *machine) transferAsAsked() bool {
	if !m.leads() {
		m.answer(fmt.Errorf("leadership: transfer: %w", raft.ErrNotLeader))
		return true
	}
	m.transfer(m.ask.to)
	return false
}

// transferByPolicy hands leadership over because it is of no use here, if the
// budget allows.
func (m *machine) transferByPolicy() bool {
	if m.now.Before(m.budgetFrom()) {
		m.do(act{kind: actStay})
		return true
	}
	m.spent = append(m.spent, m.now)
	m.transfer("")
	return false
}

// budgetFrom returns since when the budget allows a transfer again.
func (m *machine) budgetFrom() time.Time {
	if len(m.spent) < transferBudget {
		return time.Time{}
	}
	m.spent = m.spent[len(m.spent)-transferBudget:]
	return m.spent[0].Add(budgetPeriod)
}

func (m *machine) transfer(to raft.ServerID) {
	m.handing, m.from = true, m.lead.Epoch
	m.do(act{kind: actTransfer, to: to})
}

// handedOver takes in the end of a transfer. raft answers nil when it has left
// its leader loop (raft.go, leftLeaderLoop): that leadership is over, whoever
// leads now. After a failure we go on where we are.
func (m *machine) handedOver(err error) {
	m.handing = false
	if err == nil {
		m.handed = m.from
	}
	m.notBefore = m.now
	if m.lead.Epoch == m.from && (m.cur.stuck || m.failures > 0) { // a new leadership starts at once
		m.notBefore = m.now.Add(backoff(max(m.failures, 1), m.jitter()))
	}
	m.answer(err)
}

// nextTransfer returns when leadership may be declined beside what is stuck.
func (m *machine) nextTransfer() time.Time {
	from := m.budgetFrom()
	if from.Before(m.notBefore) {
		return m.notBefore
	}
	return from
}

// besideStuck decides while a callback does not return: no other one is called,
// Run does not wait for it, and leadership goes where it is of use.
func (m *machine) besideStuck() bool {
	switch {
	case m.released:
		return false
	case m.lead.Closed:
		m.answer(ErrClosed)
		m.release(ErrStuck)
		return false
	case m.stop != nil:
		m.answer(ErrStopped)
		m.release(ErrStuck)
		return false
	case m.handing:
		return false
	case m.ask != nil:
		return m.transferAsAsked()
	case m.leads() && m.conf.TransferAfter > 0 && !m.now.Before(m.nextTransfer()):
		return m.transferByPolicy()
	}
	return false
}
