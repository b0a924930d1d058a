// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// bound returns the context of a session of the present epoch.
func bound(n *Notifier) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	n.bind(n.State().Epoch, cancel)
	return ctx
}

func TestGuarantee13_ContextEndsInsideRaftsStateChange(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	ctx := bound(n)
	require.NoError(t, ctx.Err())
	f.set(raft.Follower) // and false is still to be sent
	require.Error(t, ctx.Err())
	require.Equal(t, ErrLeaseLost, context.Cause(ctx))
	f.send(false)

	f.win()
	ctx = bound(n)
	f.deposed()
	require.ErrorIs(t, context.Cause(ctx), ErrLost)

	f.win()
	ctx = bound(n)
	f.set(raft.Shutdown)
	require.ErrorIs(t, context.Cause(ctx), ErrShutdown)
}

// An epoch that has ended before bind is over at once, also if this server leads
// again.
func TestGuarantee13_BoundTooLate(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	old := n.State().Epoch
	f.stepDown()
	f.win()
	ctx, cancel := context.WithCancelCause(context.Background())
	n.bind(old, cancel)
	require.Equal(t, ErrLeaseLost, context.Cause(ctx))
}

// A loss that raft does not observe is noticed with the next observation.
func TestGuarantee13_UnobservedLoss(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	ctx := bound(n)
	f.store(raft.Follower)
	f.n.leaderNamed("n2", f)
	require.ErrorIs(t, context.Cause(ctx), ErrLost)
}

// Whoever sees that an epoch is over finds its context ended.
func TestGuarantee13_NobodySeesTheEndFirst(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	for range 300 {
		f.win()
		ctx := bound(n)
		epoch := n.State().Epoch
		lost := make(chan error)
		go func() {
			for s := n.State(); s.Leader && s.Epoch == epoch; s = n.State() {
			}
			lost <- ctx.Err()
		}()
		f.stepDown()
		require.Error(t, <-lost)
	}
}

func TestGuarantee6_EndingASessionAllocatesNothing(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	f.stepDown()
	ctx, cancel := context.WithCancelCause(context.Background())
	done := ctx.Done() // as whoever waits for it makes it
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		f.win()
		n.bind(n.state.Epoch, cancel)
		f.stepDown()
	}))
	<-done
}

// The peers that heartbeats do not reach are known as long as raft says so, and
// forgotten with the leadership.
func TestSilentPeers(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	n.observe(&raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "n2", LastContact: time.Now()}})
	n.observe(&raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "n3", LastContact: time.Now()}})
	n.observe(&raft.Observation{Data: raft.ResumedHeartbeatObservation{PeerID: "n3"}})
	self, reached := n.reached()
	require.Equal(t, fakeID, self)
	require.False(t, reached("n2"))
	require.True(t, reached("n3"))
	f.stepDown()
	f.win()
	_, reached = n.reached()
	require.True(t, reached("n2"))
}
