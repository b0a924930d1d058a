// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"time"

	"github.com/hashicorp/raft"
)

// node is what the hook reads of raft: atomic loads all, safe on any of raft's
// goroutines and while its main loop is stuck.
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
		n.leaderNamed(d.LeaderID)
	case raft.RequestVoteRequest:
		if d.LeadershipTransfer {
			n.transferAsked(d.Term, o.Raft)
		}
	}
	return false
}

// transition takes in one observed change of raft's state.
//
// Two observations may arrive in the other order than their changes were made:
// the main loop stores Leader, the fast path stores Follower and observes it,
// and only then the main loop observes Leader. So an observed Leader counts as
// a gain, but whether we lead now is what raft says now. Each observation
// comes after its own store; therefore the last one to get here reads the last
// state stored, in whatever order they come.
func (n *Notifier) transition(to raft.RaftState, r node) {
	n.mu.Lock()
	before := n.state
	n.seen = true
	switch {
	case before.Closed: // raft still runs down; only keep its channel empty
	case to == raft.Shutdown:
		n.close(r)
	case to == raft.Leader:
		if n.state.Leader {
			n.lose(r) // its own observation is still on the way
		}
		n.gain(r.CurrentTerm())
		if r.State() != raft.Leader {
			n.lose(r)
		}
	case n.state.Leader && r.State() != raft.Leader:
		n.lose(r)
	}
	n.drain()
	if !before.Closed {
		n.reconcile()
	}
	waiting := n.waitersFor(before)
	n.mu.Unlock()
	wake(waiting)
}

// seed starts from the state raft is in when the hook has just been
// registered, unless the hook was faster.
func (n *Notifier) seed(r node, leader raft.ServerID) {
	state, term := r.State(), r.CurrentTerm()
	n.mu.Lock()
	before := n.state
	if !n.seen {
		switch state {
		case raft.Leader:
			n.gain(term)
			n.self = leader
		case raft.Shutdown:
			n.close(r)
		}
	}
	n.drain()
	n.reconcile()
	waiting := n.waitersFor(before)
	n.mu.Unlock()
	wake(waiting)
}

// drain empties raft's channel, so that its next send finds room.
func (n *Notifier) drain() {
	for {
		select {
		case v := <-n.ch:
			if v {
				n.trues++
			} else {
				n.falses++
			}
		default:
			return
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
}

func (n *Notifier) lose(r node) {
	n.state.Cause = n.causeOfLoss(r)
	n.state.Leader = false
	n.since = time.Since(n.start)
}

func (n *Notifier) close(r node) {
	if n.state.Leader {
		n.lose(r)
		if n.state.Cause != ErrRemoved {
			n.state.Cause = ErrShutdown
		}
	}
	n.state.Closed = true
}

// waitersFor returns the channel to close, outside the lock, because what it
// guards is no longer before; nil if nobody waits or nothing changed.
func (n *Notifier) waitersFor(before State) chan struct{} {
	if n.changed == nil || !changedSince(before, n.state) {
		return nil
	}
	waiting := n.changed
	n.changed = nil
	return waiting
}

func wake(waiting chan struct{}) {
	if waiting != nil {
		close(waiting)
	}
}
