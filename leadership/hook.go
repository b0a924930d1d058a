// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"time"

	"github.com/hashicorp/raft"
)

// node is what a Notifier reads of raft: atomic loads all, safe on any of
// raft's goroutines and while its main loop is stuck.
type node interface {
	State() raft.RaftState
	CurrentTerm() uint64
	GetConfiguration() raft.ConfigurationFuture
}

// observe is called by raft synchronously, on the goroutine that changes the
// state: the main loop, a transport's goroutine (heartbeat fast path), or the
// caller of Shutdown; at times on two of them at once. It holds raft's
// observer lock, so it must not block, panic or register observers.
func (n *Notifier) observe(o *raft.Observation) bool {
	switch d := o.Data.(type) {
	case raft.RaftState:
		n.transition(d, o.Raft)
	case raft.LeaderObservation:
		if d.LeaderAddr != "" {
			n.leaderNamed(d.LeaderID, o.Raft)
		}
	case raft.RequestVoteRequest:
		if d.LeadershipTransfer {
			n.transferAsked(d.Term)
		}
	case raft.FailedHeartbeatObservation:
		n.failed(d.PeerID, d.LastContact)
	case raft.ResumedHeartbeatObservation:
		n.heard(d.PeerID)
	case raft.PeerObservation: // added, or removed: only failures are told of one that is new
		n.heard(d.Peer.ID)
	}
	return false
}

// transition takes in one observed change of raft's state.
//
// An observed Leader is a leadership and counts. Whether we lead now is what
// raft says now, since observations may arrive in the other order than their
// changes were stored: the main loop stores Leader, the fast path stores
// Follower and observes it, and only then the main loop observes Leader.
func (n *Notifier) transition(to raft.RaftState, r node) {
	before := n.begin(r)
	switch {
	case before.closed:
	case to == raft.Shutdown:
		n.close(r)
	case to == raft.Candidate:
		n.unannounced = false
	case to == raft.Leader && n.unannounced:
		n.unannounced = false
	case to == raft.Leader:
		if n.state.Leader {
			n.lose(r) // its own observation is still on the way
		}
		n.gain(r.CurrentTerm())
		n.level(r)
	}
	n.end(before)
}

// seed takes in the state raft is in when the hook has just been registered.
func (n *Notifier) seed(r node, leader raft.ServerID) {
	before := n.begin(r)
	switch {
	case before.closed:
	case r.State() == raft.Shutdown:
		n.close(r)
	case n.state.Leader && n.self == "": // else raft has told it since leader was read
		n.self = leader
	}
	n.end(before)
}

// begin takes the lock and catches up with raft. The channel is emptied before
// raft's state is read: false is sent after the state was stored, so whoever
// has received it reads that state or a later one.
func (n *Notifier) begin(r node) (before mark) {
	n.mu.Lock()
	before = n.state.mark()
	n.drain()
	if before.closed {
		return before // raft still runs down; only its channel is kept empty
	}
	if !n.begun {
		n.begun = true
		n.adopt(r)
	}
	n.level(r)
	return before
}

// end settles the counts, releases the lock and wakes who waits.
func (n *Notifier) end(before mark) {
	if !before.closed {
		n.reconcile()
	}
	n.endBound()
	waiting := n.waitersFor(before)
	n.mu.Unlock()
	if waiting != nil {
		close(waiting)
	}
}

// adopt starts from the state raft is in when the first observation comes, or
// Attach, whichever is first. If raft leads, the observation of that may still
// be on its way, and must not count again; one of a later leadership comes
// after that of a candidacy.
func (n *Notifier) adopt(r node) {
	if r.State() == raft.Leader {
		n.gain(r.CurrentTerm())
		n.gained = time.Time{} // before that
		n.unannounced = true
	}
}

// level ends a leadership that raft no longer has. Not every end is observed:
// setState reads the old state and then stores the new one (raft.go), so if
// the fast path has read Follower and we win before it stores Follower again,
// it observes nothing. It names the other leader next, which calls this.
func (n *Notifier) level(r node) {
	if n.state.Leader && r.State() != raft.Leader {
		n.lose(r)
	}
}

// drain empties raft's channel, so that its next send finds room. Nobody else
// receives, so what len has seen is there.
func (n *Notifier) drain() {
	for len(n.ch) > 0 {
		if <-n.ch {
			n.trues++
		} else {
			n.falses++
		}
	}
}

// reconcile adds the leaderships that the hook did not see because they began
// before Attach. Whatever the hook sees comes before the send that belongs to
// it; so the channel can be ahead only by what the hook has missed.
func (n *Notifier) reconcile() {
	ended := n.falses
	if n.state.Leader {
		ended++
	}
	least := max(n.trues, ended)
	if least <= n.state.Epoch {
		return
	}
	if n.state.Epoch == 0 {
		n.since = time.Since(n.start)
	}
	n.state.Epoch = least
	if n.state.Cause == nil && n.state.losses() > 0 {
		n.state.Cause = ErrLeaseLost
	}
}

func (n *Notifier) gain(term uint64) {
	n.state.Leader = true
	n.state.Epoch++
	n.state.Term = term
	n.since = time.Since(n.start)
	n.gained = n.start.Add(n.since)
	n.falsesAtGain = n.falses
	clear(n.silent) // raft starts to replicate anew
}

func (n *Notifier) lose(r node) {
	n.state.Leader = false
	n.since = time.Since(n.start)
	n.state.Cause = n.causeOfLoss(r)
	n.unsure = r
}

func (n *Notifier) close(r node) {
	if n.state.Leader {
		n.lose(r)
		n.state.Cause = ErrShutdown
	}
	n.state.Closed = true
}

// waitersFor returns the channel to close, outside the lock, because what it
// guards is no longer before; nil if nobody waits or nothing changed.
func (n *Notifier) waitersFor(before mark) chan struct{} {
	if n.changed == nil || before == n.state.mark() {
		return nil
	}
	waiting := n.changed
	n.changed = nil
	return waiting
}
