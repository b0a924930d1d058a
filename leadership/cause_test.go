// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestGuarantee8_CauseOfALoss(t *testing.T) {
	for _, tc := range []struct {
		name string
		lose func(*fakeRaft)
		want error
	}{
		{"lease", func(f *fakeRaft) { f.stepDown() }, ErrLeaseLost},
		{"lease, then another leader is heard", func(f *fakeRaft) { f.stepDown(); f.n.leaderNamed("n2", f) }, ErrLeaseLost},
		{"lease, our own late name", func(f *fakeRaft) { f.set(raft.Follower); f.n.leaderNamed(fakeID, f) }, ErrLeaseLost},
		{"superseded", func(f *fakeRaft) { f.deposed() }, ErrSuperseded},
		{"transfer", func(f *fakeRaft) { f.n.transferAsked(f.CurrentTerm() + 1); f.stepDown() }, ErrTransferred},
		{"transfer, won before its request got here", func(f *fakeRaft) { f.deposed(); f.n.transferAsked(f.CurrentTerm()) }, ErrTransferred},
		{"superseded, then a transfer elsewhere", func(f *fakeRaft) { f.deposed(); f.n.transferAsked(f.CurrentTerm() + 1) }, ErrSuperseded},
		{"superseded, then another transfer, overtaken by a heartbeat", func(f *fakeRaft) {
			f.deposed()
			f.term.Add(1)
			f.n.leaderNamed("n3", f)
			f.n.transferAsked(f.CurrentTerm())
		}, ErrSuperseded},
		{"lease, after a win that was over before runLeader", func(f *fakeRaft) {
			f.stepDown()
			f.set(raft.Candidate)
			f.set(raft.Leader)
			f.n.leaderNamed(fakeID, f)
			f.set(raft.Follower)
			f.n.leaderNamed("n2", f)
			f.win()
			f.stepDown()
			f.n.leaderNamed("n2", f)
		}, ErrLeaseLost},
		{"lost and regained before the loss was observed", func(f *fakeRaft) { f.set(raft.Leader) }, ErrLeaseLost},
		{"demoted", func(f *fakeRaft) { f.suffrage.Store(int32(raft.Nonvoter)); f.stepDown() }, ErrRemoved},
		{"a vote refused, then the lease", func(f *fakeRaft) {
			f.n.observe(&raft.Observation{Data: raft.RequestVoteRequest{Term: 99}})
			f.stepDown()
		}, ErrLeaseLost},
		{"a vote of a transfer", func(f *fakeRaft) {
			f.n.observe(&raft.Observation{Data: raft.RequestVoteRequest{Term: 99, LeadershipTransfer: true}})
			f.stepDown()
		}, ErrTransferred},
		{"shutdown stored before the win was observed", func(f *fakeRaft) {
			f.stepDown()
			f.store(raft.Shutdown)
			f.n.transition(raft.Leader, f)
			f.n.transition(raft.Shutdown, f)
		}, ErrShutdown},
		{"transfer of an older term", func(f *fakeRaft) { f.n.transferAsked(f.CurrentTerm()); f.stepDown() }, ErrLeaseLost},
		{"removed", func(f *fakeRaft) { f.removed.Store(true); f.stepDown() }, ErrRemoved},
		{"removed, and raft shuts itself down", func(f *fakeRaft) { f.removed.Store(true); f.set(raft.Shutdown) }, ErrRemoved},
		{"shutdown", func(f *fakeRaft) { f.set(raft.Shutdown) }, ErrShutdown},
		{"shutdown, then another leader is named", func(f *fakeRaft) { f.set(raft.Shutdown); f.n.leaderNamed("n2", f) }, ErrShutdown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := NewNotifier()
			f := newFakeRaft(n)
			f.win()
			require.NoError(t, n.State().Cause, "no loss yet")
			tc.lose(f)
			require.Equal(t, tc.want, n.State().Cause)
			require.Equal(t, tc.want, n.State().Cause, "asked again")
		})
	}
}

// A loss before Attach has the cause that is left; a server found leading by
// Attach knows itself, and sees its removal.
func TestGuarantee8_CauseAcrossAttach(t *testing.T) {
	n := NewNotifier()
	f := &fakeRaft{n: NewNotifier(), notify: n.NotifyCh()}
	f.flap(2)
	f.win()
	f.n = n
	f.attach()
	require.Equal(t, ErrLeaseLost, n.State().Cause)
	require.True(t, n.State().Leader)
	f.removed.Store(true)
	f.stepDown()
	require.Equal(t, ErrRemoved, n.State().Cause)
	f.removed.Store(false)
	f.win()
	require.Equal(t, ErrRemoved, n.State().Cause, "kept while it leads again")
}
