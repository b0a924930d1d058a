// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestGuarantee1_SendNeverWaits(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	n.Watch() // a watcher that never reads
	f.flap(100_000)
	require.Zero(t, f.waited, "sends of raft that would have waited")
	require.LessOrEqual(t, len(n.ch), 2, "values left in raft's channel")
	require.EqualValues(t, 100_000, n.State().Epoch)

	f.set(raft.Shutdown) // and the channel is still drained while raft runs down
	for range 2 * notifyBuffer {
		f.set(raft.Follower)
		f.send(false)
	}
	require.Zero(t, f.waited, "sends that would have waited after the shutdown")
}

func TestGuarantee1_BufferHoldsBeforeAttach(t *testing.T) {
	n := NewNotifier()
	f := &fakeRaft{n: NewNotifier(), notify: n.NotifyCh()} // its hook is not ours: not attached
	f.flap(512)
	require.Zero(t, f.waited, "1,024 sends fit, as doc.go says")
	f.win()
	require.Equal(t, 1, f.waited, "the send after the last slot must be the first that waits")
}

func TestGuarantee2_NewestStateIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		w := n.Watch()
		u, err := w.Next(t.Context())
		require.NoError(t, err)
		require.Zero(t, u, "a new watcher gets the present state first, also that of a follower")

		f.win()
		w = n.Watch()
		u, err = w.Next(t.Context())
		require.NoError(t, err)
		require.True(t, u.Leader)
		require.Zero(t, u.Gains+u.Losses)

		got := make(chan Update, 1)
		go func() {
			u, _ := w.Next(t.Context())
			got <- u
		}()
		synctest.Wait() // it waits in Next now
		f.stepDown()
		u = <-got
		require.False(t, u.Leader)
		require.Equal(t, n.State(), u.State)
		select {
		case <-w.Changed():
			t.Fatal("nothing changed since the last update")
		default:
		}
	})
}

func TestGuarantee3_CountsAreExact(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.flap(5) // before Watch: not its business
	w, late := n.Watch(), n.Watch()
	next := func(w *Watcher) Update {
		u, err := w.Next(t.Context())
		require.NoError(t, err)
		return u
	}
	require.Zero(t, next(w).Gains)
	f.flap(7)
	f.win()
	u := next(w)
	require.Equal(t, [2]uint64{8, 7}, [2]uint64{u.Gains, u.Losses})
	require.True(t, u.Flapped())
	f.stepDown()
	u = next(w)
	require.Equal(t, [2]uint64{0, 1}, [2]uint64{u.Gains, u.Losses})
	require.False(t, u.Flapped())
	u = next(late)
	require.Equal(t, [2]uint64{8, 8}, [2]uint64{u.Gains, u.Losses}, "the first update counts since Watch")
}

// Everything raft did before Attach is in the channel, and is counted with
// what the hook sees later, wherever raft was when Attach came.
func TestGuarantee3_CountsBeforeAttach(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(*fakeRaft) // on a raft whose hook is not registered
		at     State
		after  func(*fakeRaft)
		epoch  uint64
	}{
		{"nothing", func(*fakeRaft) {}, State{}, func(f *fakeRaft) { f.win() }, 1},
		{"flapped and leads", func(f *fakeRaft) { f.flap(3); f.win() }, State{Leader: true, Epoch: 4}, func(f *fakeRaft) { f.stepDown(); f.win() }, 5},
		{"flapped", func(f *fakeRaft) { f.flap(3) }, State{Epoch: 3}, func(f *fakeRaft) { f.win() }, 4},
		{
			"won, true not sent yet",
			func(f *fakeRaft) { f.flap(2); f.term.Add(1); f.store(raft.Leader) },
			State{Leader: true, Epoch: 3},
			func(f *fakeRaft) { f.send(true); f.stepDown(); f.win() },
			4,
		},
		{
			"lost, false not sent yet",
			func(f *fakeRaft) { f.flap(1); f.win(); f.store(raft.Follower) },
			State{Epoch: 2},
			func(f *fakeRaft) { f.send(false); f.win() },
			3,
		},
		{
			"won and lost, neither sent yet: learnt at the next change",
			func(f *fakeRaft) { f.store(raft.Leader); f.store(raft.Follower) },
			State{},
			func(f *fakeRaft) { f.send(true); f.send(false); f.win() },
			2,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := NewNotifier()
			f := &fakeRaft{n: NewNotifier(), notify: n.NotifyCh()}
			tc.before(f)
			f.n = n
			f.attach()
			got := n.State()
			require.Equal(t, [2]any{tc.at.Leader, tc.at.Epoch}, [2]any{got.Leader, got.Epoch}, "right after Attach")
			require.Equal(t, got.Epoch == 0, got.Since.IsZero())
			tc.after(f)
			require.Equal(t, tc.epoch, n.State().Epoch)
			require.Equal(t, f.State() == raft.Leader, n.State().Leader)
		})
	}
}

func TestGuarantee4_LostAndRegainedIsANewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		w := n.Watch()
		f.win()
		first, err := w.Next(t.Context())
		require.NoError(t, err)
		f.stepDown()
		f.win()
		again, err := w.Next(t.Context())
		require.NoError(t, err)
		require.True(t, first.Leader && again.Leader)
		require.Equal(t, first.Epoch+1, again.Epoch)
		require.Greater(t, again.Term, first.Term)
		require.Equal(t, [2]uint64{1, 1}, [2]uint64{again.Gains, again.Losses})
	})
}

// The hook needs no help from the channel: a raft that was given another
// NotifyCh, or none, is followed all the same.
func TestGuarantee4_WithoutTheChannel(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.notify = make(chan bool, 1024)
	f.flap(3)
	f.win()
	require.EqualValues(t, 4, n.State().Epoch)
	require.True(t, n.State().Leader)
}

// The fast path may make a follower of a server that has just won, and be
// observed first (see transition).
func TestGuarantee4_ObservationsOutOfOrder(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.set(raft.Candidate)
	f.store(raft.Leader)             // main loop
	f.store(raft.Follower)           // fast path
	f.n.transition(raft.Follower, f) // fast path
	f.n.transition(raft.Leader, f)   // main loop
	f.send(true)
	f.send(false)
	s := n.State()
	require.False(t, s.Leader, "raft is a follower, and no observation is to come")
	require.EqualValues(t, 1, s.Epoch, "the gain counts")

	f.win()
	f.store(raft.Follower) // fast path, its observation is late
	f.send(false)
	f.store(raft.Leader) // won again meanwhile
	f.n.transition(raft.Leader, f)
	f.n.transition(raft.Follower, f) // the late one
	require.True(t, n.State().Leader)
	require.EqualValues(t, 3, n.State().Epoch)
}

func TestGuarantee5_ShutdownEndsItOnce(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	f.win()
	f.set(raft.Shutdown)
	// raft's main loop may store another state afterwards, for good (the store
	// of Shutdown and its own race), and observe it.
	f.set(raft.Leader)
	f.set(raft.Follower)

	u, err := w.Next(t.Context())
	require.NoError(t, err)
	require.True(t, u.Closed && !u.Leader)
	require.EqualValues(t, 1, u.Epoch)
	require.ErrorIs(t, u.Cause, ErrShutdown)
	for range 2 {
		<-w.Changed()
		_, err = w.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
	}
	_, err = n.WaitLeader(t.Context())
	require.ErrorIs(t, err, ErrClosed)

	u, err = n.Watch().Next(t.Context())
	require.NoError(t, err, "a watcher that comes later is told the last state too")
	require.True(t, u.Closed)
}

func TestGuarantee5_AttachToARaftThatIsDown(t *testing.T) {
	n := NewNotifier()
	f := &fakeRaft{n: n, notify: n.NotifyCh()}
	f.store(raft.Shutdown)
	f.attach()
	require.True(t, n.State().Closed)
}

func TestGuarantee6_NoAllocationPerChange(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	n.Watch()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		f.win()
		f.stepDown()
	}))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		f.win()
		f.deposed()
	}))
}

func TestGuarantee6_ConstantMemory(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	w := n.Watch()
	_, err := w.Next(t.Context())
	require.NoError(t, err)
	w.Changed() // a reader that makes ready to wait and never comes back
	goroutines, before := runtime.NumGoroutine(), heap()
	f.flap(1_000_000)
	grown := int64(heap()) - int64(before)
	require.Less(t, grown, int64(64<<10), "bytes kept after a million flaps")
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	runtime.KeepAlive(n)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestGuarantee7_ContextEndsEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		newFakeRaft(n)
		why := errors.New("why")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		_, err := n.WaitLeader(ctx)
		require.ErrorIs(t, err, why)
		w := n.Watch()
		_, err = w.Next(ctx)
		require.NoError(t, err, "what is there already is delivered")
		_, err = w.Next(ctx)
		require.ErrorIs(t, err, why)
	})
}
