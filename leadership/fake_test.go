// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// fakeRaft changes state in the order of raft's own code: it stores the state,
// observes it, and sends on NotifyCh only then (raft.go, runCandidate and
// runLeader). A send that would have to wait is counted, not made.
type fakeRaft struct {
	n      *Notifier
	notify chan<- bool

	state    atomic.Uint32
	term     atomic.Uint64
	removed  atomic.Bool
	suffrage atomic.Int32
	waited   int
}

const fakeID = raft.ServerID("n1")

// newFakeRaft returns a follower whose hook is registered.
func newFakeRaft(n *Notifier) *fakeRaft {
	f := &fakeRaft{n: n, notify: n.NotifyCh()}
	f.attach()
	return f
}

func (f *fakeRaft) attach() {
	leader := raft.ServerID("")
	if f.State() == raft.Leader {
		leader = fakeID
	}
	f.n.seed(f, leader)
}

func (f *fakeRaft) State() raft.RaftState { return raft.RaftState(f.state.Load()) }
func (f *fakeRaft) CurrentTerm() uint64   { return f.term.Load() }

func (f *fakeRaft) GetConfiguration() raft.ConfigurationFuture {
	if f.removed.Load() {
		return fakeConfiguration{}
	}
	return fakeConfiguration{Servers: []raft.Server{{ID: fakeID, Suffrage: raft.ServerSuffrage(f.suffrage.Load())}}}
}

type fakeConfiguration raft.Configuration

func (c fakeConfiguration) Error() error                      { return nil }
func (c fakeConfiguration) Index() uint64                     { return 0 }
func (c fakeConfiguration) Configuration() raft.Configuration { return raft.Configuration(c) }

func (f *fakeRaft) store(s raft.RaftState) { f.state.Store(uint32(s)) }

func (f *fakeRaft) set(s raft.RaftState) {
	f.store(s)
	f.n.transition(s, f)
}

func (f *fakeRaft) send(v bool) {
	select {
	case f.notify <- v:
	default:
		f.waited++
	}
}

// win is runCandidate and the first lines of runLeader.
func (f *fakeRaft) win() {
	f.term.Add(1)
	f.set(raft.Candidate)
	f.set(raft.Leader)
	f.n.leaderNamed(fakeID, f)
	f.send(true)
}

// stepDown is the loss of a lease, and runLeader's deferred send.
func (f *fakeRaft) stepDown() {
	f.set(raft.Follower)
	f.send(false)
}

// deposed is an AppendEntries of another leader in a newer term.
func (f *fakeRaft) deposed() {
	f.set(raft.Follower)
	f.term.Add(1)
	f.n.leaderNamed("n2", f)
	f.send(false)
}

// flap wins and steps down n times.
func (f *fakeRaft) flap(n int) {
	for range n {
		f.win()
		f.stepDown()
	}
}
