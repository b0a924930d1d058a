// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

// The failure catalogue: outages that programs with a leader loop of their own
// have had, each as a test. Rows that need a real raft are in raft_test.go and
// hazard_test.go.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// S2: lost and regained coalesced into "still leading" (rqlite CDC, OpenBao).
func TestS2_LostAndRegainedIsNotNothing(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	f.win()
	established, err := w.Next(t.Context())
	require.NoError(t, err)
	f.stepDown()
	f.win()
	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.True(t, u.Leader)
	require.NotEqual(t, established.Epoch, u.Epoch)
	require.True(t, u.Flapped())
}

// S3: gained and lost before the consumer looked: nothing to do, but visible.
func TestS3_GainedAndLostIsVisible(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	first, err := w.Next(t.Context())
	require.NoError(t, err)
	f.flap(1)
	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.Leader, u.Leader)
	require.Equal(t, [2]uint64{1, 1}, [2]uint64{u.Gains, u.Losses})
	require.True(t, u.Flapped())
	require.ErrorIs(t, u.Cause, ErrLeaseLost)
}

// S11: the source is closed: the last value, then the end, once, and no spin
// on zero values.
func TestS11_SourceClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := make(chan bool)
		dst := DropButLast(t.Context(), src)
		src <- true
		close(src)
		synctest.Wait()
		var got []bool
		for v := range dst {
			got = append(got, v)
		}
		require.Equal(t, []bool{true}, got)
	})
}

// S14: a consumer that never reads: constant memory is guarantee 6; here, that
// it holds nobody else up either (NATS dropped the 33rd, OpenBao's raft blocks
// at the eleventh).
func TestS14_ConsumerThatNeverReads(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	n.Watch()
	reads := n.Watch()
	for i := range uint64(100) {
		f.flap(1)
		u, err := reads.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, i+1, u.Epoch)
	}
	require.Zero(t, f.waited)
}

// S15: two consumers of one channel steal from each other (raft#426; in
// OpenBao an orphan ate the only false).
func TestS15_TwoConsumersDoNotSteal(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	a, b := n.Watch(), n.Watch()
	for range 10 {
		f.win()
		f.stepDown()
		ua, err := a.Next(t.Context())
		require.NoError(t, err)
		ub, err := b.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, ua, ub)
	}
}

// S16: values queued before a consumer came are stale by then.
func TestS16_NoStaleValues(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	f.flap(3)
	f.win()
	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.True(t, u.Leader, "the old false must not end the leadership of now")
	require.EqualValues(t, 4, u.Epoch)
	select {
	case <-w.Changed():
		t.Fatal("something older is still queued")
	default:
	}
}

// S22: a wall clock that jumps must not matter. Since is derived from the
// monotonic clock alone, so that time.Since(s.Since) survives a jump. A
// suspended machine cannot be noticed from within: that is what fencing
// tokens are for.
func TestS22_MonotonicTime(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	require.True(t, strings.Contains(n.State().Since.String(), "m="), "Since has lost its monotonic reading")
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		time.Sleep(90 * time.Second)
		f.win()
		time.Sleep(time.Hour)
		require.Equal(t, time.Hour, time.Since(n.State().Since))
		f.stepDown()
		time.Sleep(time.Minute)
		require.Equal(t, time.Minute, time.Since(n.State().Since))
	})
}

// S25: a callback that calls back.
func TestS25_CallbackCallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		f.win()
		err := Establish(t.Context(), time.Minute, func(ctx context.Context) error {
			f.stepDown() // say, it asked raft for a transfer and waited for it
			f.win()
			if _, err := n.WaitLeader(ctx); err != nil {
				return err
			}
			_, err := n.Watch().Next(ctx)
			return errors.Join(err, Establish(ctx, time.Second, func(context.Context) error { return nil }))
		})
		require.NoError(t, err)
	})
}

// S26: nothing is left behind. A bubble fails when a goroutine remains.
func TestS26_NoGoroutineIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := NewNotifier()
		f := newFakeRaft(n)
		go func() { _, _ = n.WaitLeader(ctx) }()
		src := make(chan bool)
		DropButLast(ctx, src)
		_ = Establish(ctx, time.Second, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
		f.set(raft.Follower)
		cancel()
		close(src)
	})
}

// S27: the same value twice (nats-server#5504) is a restart on purpose: raft
// never observes Leader twice in a row without a loss that is on its way.
func TestS27_SameValueTwice(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	f.set(raft.Leader)
	f.set(raft.Leader)
	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.True(t, u.Leader)
	require.EqualValues(t, 2, u.Epoch)
	f.set(raft.Follower)
	f.set(raft.Candidate)
	f.set(raft.Follower)
	u, err = w.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, [2]uint64{0, 1}, [2]uint64{u.Gains, u.Losses}, "a second way of not leading is no second loss")
}

// S28: the shutdown of a server that never led is no loss (client-go#1187,
// controller-runtime#2719).
func TestS28_ShutdownOfAServerThatNeverLed(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	_, err := w.Next(t.Context())
	require.NoError(t, err)
	f.set(raft.Candidate)
	f.set(raft.Shutdown)
	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.True(t, u.Closed)
	require.Zero(t, u.Gains+u.Losses)
	require.NoError(t, u.Cause)
	require.Zero(t, u.Epoch)
}

// S29: waiting for leadership is about the state, not about events: a loss
// does not end it (oxia#1174), and leading already does.
func TestS29_WaitLeaderIsLevelBased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		f.win()
		s, err := n.WaitLeader(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, s.Epoch)

		f.stepDown()
		got := make(chan State, 1)
		go func() {
			s, _ := n.WaitLeader(t.Context())
			got <- s
		}()
		synctest.Wait()
		f.set(raft.Candidate)
		f.set(raft.Follower)
		synctest.Wait()
		require.Empty(t, got, "it does not lead")
		f.win()
		s = <-got
		require.True(t, s.Leader)
		require.EqualValues(t, 2, s.Epoch)
	})
}
