// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "github.com/hashicorp/raft"

// causeOfLoss tells a transfer and a removal from the rest. A leader follows a
// request for its vote only when it carries the transfer flag (raft.go,
// requestVote: "rejecting vote request since we have a leader"), so such a
// request in a newer term is proof.
func (n *Notifier) causeOfLoss(r node) error {
	switch {
	case n.transferTerm > n.state.Term:
		return ErrTransferred
	case n.self != "" && !votes(r.GetConfiguration().Configuration(), n.self):
		return ErrRemoved
	default:
		return ErrLeaseLost
	}
}

// transferAsked notes a request for our vote that carries the transfer flag.
// The target may have won by the others' votes and deposed us before its
// request gets here: then it is of the term that superseded us.
func (n *Notifier) transferAsked(term uint64, r node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.transferTerm = max(n.transferTerm, term)
	if !n.state.Leader && n.state.Cause == ErrSuperseded && term == r.CurrentTerm() {
		n.state.Cause = ErrTransferred
	}
}

// leaderNamed learns our own ID when we win, and tells a leader that was
// superseded from one that stepped down by itself. raft observes no reason,
// but keeps an order: the AppendEntries that deposes a leader names the new
// one before the main loop comes to send false on NotifyCh (raft.go,
// appendEntries and runLeader); a leader that steps down by itself has sent it
// long before it hears of another.
func (n *Notifier) leaderNamed(id raft.ServerID) {
	if id == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.Leader {
		n.self = id
		return
	}
	if n.state.Closed || n.state.Cause != ErrLeaseLost || n.self == "" || n.self == id {
		return
	}
	n.drain()
	wired := n.trues > 0 // raft has our channel; without it the order says nothing
	if wired && n.falses < n.state.losses() {
		n.state.Cause = ErrSuperseded
	}
}

func votes(c raft.Configuration, id raft.ServerID) bool {
	for _, s := range c.Servers {
		if s.ID == id {
			return s.Suffrage == raft.Voter
		}
	}
	return false
}
