// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Whoever asks for Changed after the change must not wait for the next one.
func TestGuarantee2_ChangeBeforeChangedIsNotMissed(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	require.True(t, isClosed(w.Changed()), "a new watcher has something to read")
	_, err := w.Next(t.Context())
	require.NoError(t, err)
	require.False(t, isClosed(w.Changed()))
	f.win()
	require.True(t, isClosed(w.Changed()))
}

// Attach itself can be the change.
func TestGuarantee2_AttachWakesWhoWaits(t *testing.T) {
	n := NewNotifier()
	f := &fakeRaft{n: n, notify: n.NotifyCh()}
	w := n.Watch()
	_, err := w.Next(t.Context())
	require.NoError(t, err)
	changed := w.Changed()
	f.store(raft.Leader)
	f.attach()
	require.True(t, isClosed(changed))
}

// setState reads the old state before it stores the new one, so a Follower
// stored over a Leader can go unobserved; naming the other leader shows it.
func TestGuarantee2_LossThatIsNotObserved(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	f.win()
	_, err := w.Next(t.Context())
	require.NoError(t, err)
	changed := w.Changed()
	f.store(raft.Follower)
	f.n.leaderNamed("n2", f)
	require.False(t, n.State().Leader)
	require.True(t, isClosed(changed))
}

// overtaken is a raft whose fast path makes it a follower right after its
// state was read for the reads-th time; the main loop notices, and sends false.
type overtaken struct {
	*fakeRaft
	reads *int
}

func (o overtaken) State() raft.RaftState {
	s := o.fakeRaft.State()
	if *o.reads--; *o.reads == 0 {
		o.store(raft.Follower)
		o.send(false)
	}
	return s
}

// A false that came after the state was read belongs to the leadership that
// was read, not to one before it.
func TestGuarantee3_ChannelIsReadBeforeTheState(t *testing.T) {
	for at := 1; at <= 4; at++ {
		reads := at
		n := NewNotifier()
		f := &fakeRaft{n: n, notify: n.NotifyCh()}
		f.store(raft.Leader) // before Attach
		f.send(true)
		n.seed(overtaken{f, &reads}, fakeID)
		n.transition(raft.Follower, f) // observed late
		require.Equal(t, f.State() == raft.Leader, n.State().Leader)
		require.EqualValues(t, 1, n.State().Epoch)
	}
}

// raft's main loop can store Leader over Shutdown, for good (api.go, Shutdown,
// and raft.go, setState): the observation alone tells the truth.
func TestGuarantee5_StateSaysLeaderAtTheEnd(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	f.n.transition(raft.Shutdown, f)
	require.Equal(t, raft.Leader, f.State())
	s := n.State()
	require.True(t, s.Closed && !s.Leader)
	require.ErrorIs(t, s.Cause, ErrShutdown)
}

func TestGuarantee5_NothingChangesAfterTheEnd(t *testing.T) {
	n := NewNotifier()
	f := &fakeRaft{n: n, notify: n.NotifyCh()}
	f.store(raft.Leader) // before Attach
	f.set(raft.Shutdown) // the hook is registered
	end := n.State()
	require.True(t, end.Closed)
	f.send(true)
	f.send(false)
	f.attach()
	f.n.leaderNamed("n2", f)
	require.Equal(t, end, n.State())
}

func TestRefusesBadInput(t *testing.T) {
	n := NewNotifier()
	_, err := n.Watch().Next(nil) //nolint:staticcheck // the point
	require.ErrorContains(t, err, "context is nil")
	_, err = n.WaitLeader(nil) //nolint:staticcheck // the point
	require.ErrorContains(t, err, "context is nil")
	require.ErrorContains(t, new(Notifier).Attach(new(raft.Raft)), "not made by NewNotifier")
	require.ErrorContains(t, n.Attach(nil), "raft is nil")
}
