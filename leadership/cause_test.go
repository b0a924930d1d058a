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
		{"lease, then another leader is heard", func(f *fakeRaft) { f.stepDown(); f.n.leaderNamed("n2") }, ErrLeaseLost},
		{"lease, our own late name", func(f *fakeRaft) { f.set(raft.Follower); f.n.leaderNamed(fakeID) }, ErrLeaseLost},
		{"superseded", func(f *fakeRaft) { f.deposed("n2") }, ErrSuperseded},
		{"transfer", func(f *fakeRaft) { f.n.transferAsked(f.CurrentTerm()+1, f); f.stepDown() }, ErrTransferred},
		{"transfer, won before its request got here", func(f *fakeRaft) { f.deposed("n2"); f.n.transferAsked(f.CurrentTerm(), f) }, ErrTransferred},
		{"superseded, then a transfer elsewhere", func(f *fakeRaft) { f.deposed("n2"); f.n.transferAsked(f.CurrentTerm()+1, f) }, ErrSuperseded},
		{"transfer of an older term", func(f *fakeRaft) { f.n.transferAsked(f.CurrentTerm(), f); f.stepDown() }, ErrLeaseLost},
		{"removed", func(f *fakeRaft) { f.removed.Store(true); f.stepDown() }, ErrRemoved},
		{"removed, and raft shuts itself down", func(f *fakeRaft) { f.removed.Store(true); f.set(raft.Shutdown) }, ErrRemoved},
		{"shutdown", func(f *fakeRaft) { f.set(raft.Shutdown) }, ErrShutdown},
		{"shutdown, then another leader is named", func(f *fakeRaft) { f.set(raft.Shutdown); f.n.leaderNamed("n2") }, ErrShutdown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := NewNotifier()
			f := newFakeRaft(n)
			f.win()
			require.NoError(t, n.State().Cause, "no loss yet")
			tc.lose(f)
			require.Equal(t, tc.want, n.State().Cause)
		})
	}
}
