// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// bind has cancel called inside raft's own state change when epoch ends, and at
// once if it has ended. Under the lock, so that nobody sees the end of an epoch
// whose session still stands. What runs there is package context alone: functions
// of context.AfterFunc run on goroutines of their own.
func (n *Notifier) bind(epoch uint64, cancel context.CancelCauseFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bound, n.boundEpoch = cancel, epoch
	n.endBound()
}

func (n *Notifier) endBound() {
	if n.bound == nil || n.state.Leader && n.state.Epoch == n.boundEpoch {
		return
	}
	cancel := n.bound
	n.bound = nil
	cancel(n.state.Cause)
}

// failed takes in that a heartbeat to a peer failed, and when the peer was heard
// last: of this leadership, that is after it was won (raft.go,
// startStopReplication). One of an earlier leadership may hang in its transport
// for long and fail now, and nothing would ever say that the peer is heard.
// A black hole is noticed only when the transport times out.
func (n *Notifier) failed(peer raft.ServerID, heard time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if heard.Before(n.gained) {
		return
	}
	if n.silent == nil {
		n.silent = map[raft.ServerID]bool{}
	}
	n.silent[peer] = true
}

// heard takes in that raft's heartbeats reach a peer, or that it starts anew with it.
func (n *Notifier) heard(peer raft.ServerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.silent, peer)
}

// reached returns our own ID as learnt when we first led, and whether raft's
// heartbeats reach a peer as far as it knows.
func (n *Notifier) reached() (self raft.ServerID, peer func(raft.ServerID) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	silent := make(map[raft.ServerID]bool, len(n.silent))
	for id := range n.silent {
		silent[id] = true
	}
	return n.self, func(id raft.ServerID) bool { return !silent[id] }
}
