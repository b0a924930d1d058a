// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "github.com/hashicorp/raft"

// causeOfLoss tells a transfer from the rest. A leader follows a request for
// its vote only when it carries the transfer flag (raft.go, requestVote:
// "rejecting vote request since we have a leader"), so such a request in a
// newer term is proof.
func (n *Notifier) causeOfLoss(r node) error {
	switch {
	case n.transferTerm > n.state.Term:
		return ErrTransferred
	case r.State() == raft.Shutdown: // stored, and not observed yet
		return ErrShutdown
	default:
		return ErrLeaseLost
	}
}

// transferAsked notes a request for our vote that carries the transfer flag.
// The target may have won by the others' votes and deposed us before its
// request gets here: then it is of the term that superseded us.
func (n *Notifier) transferAsked(term uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.transferTerm = max(n.transferTerm, term)
	if n.state.Cause == ErrSuperseded && n.supersededIn == term {
		n.state.Cause = ErrTransferred
	}
}

// leaderNamed learns our own ID when we win, and tells a leader that was
// superseded from one that stepped down by itself. raft observes no reason,
// but keeps an order: the AppendEntries that deposes a leader names the new
// one before the main loop comes to send false on NotifyCh (raft.go,
// appendEntries and runLeader); a leader that steps down by itself has sent it
// long before it hears of another.
func (n *Notifier) leaderNamed(id raft.ServerID, r node) {
	before := n.begin(r)
	wired := n.trues > 0 // raft has our channel; without it the order says nothing
	switch {
	case n.state.Leader:
		n.self = id
	case n.state.Closed || n.state.Cause != ErrLeaseLost || n.self == "" || n.self == id:
	case wired && n.falses == n.falsesAtGain:
		n.state.Cause = ErrSuperseded
		n.supersededIn = r.CurrentTerm()
	}
	n.end(before)
}

// current returns the state as of now. Whether we were removed is looked up
// here, once a loss, by whoever reads first: asking raft for its configuration
// allocates, which the hook must not.
func (n *Notifier) current() State {
	n.mu.Lock()
	s, unsure, self := n.stamped(), n.unsure, n.self
	n.mu.Unlock()
	if unsure == nil {
		return s
	}
	removed := self != "" && !votes(unsure.GetConfiguration().Configuration(), self)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.losses() == s.losses() {
		n.unsure = nil
		if removed && n.state.Cause != ErrTransferred {
			n.state.Cause = ErrRemoved
		}
	}
	return n.stamped()
}

func votes(c raft.Configuration, id raft.ServerID) bool {
	for _, s := range c.Servers {
		if s.ID == id {
			return s.Suffrage == raft.Voter
		}
	}
	return false
}
