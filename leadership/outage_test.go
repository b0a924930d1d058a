// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Rows of the failure catalogue that need a real raft.

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// wired is a cluster in which every server has a Notifier, in a bubble.
type wired struct {
	*testcluster.Cluster
	t   *testing.T
	ctx context.Context
	rig *rig
}

func withCluster(t *testing.T, conf func(raft.ServerID, *raft.Config), test func(w *wired)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		c, err := testcluster.New(testcluster.Config{Configure: func(id raft.ServerID, c *raft.Config) {
			r.configure(id, c)
			if conf != nil {
				conf(id, c)
			}
		}, Started: r.started})
		require.NoError(t, err)
		c.ReportTo(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		t.Cleanup(func() {
			cancel()
			closing := c.Close()
			_, err := r.ended() // first of all, for a bubble must not be left with goroutines
			require.NoError(t, closing)
			require.NoError(t, err)
		})
		test(&wired{Cluster: c, t: t, ctx: ctx, rig: r})
	})
}

func (w *wired) leader() (*testcluster.Server, *leadership.Notifier) {
	s, err := w.Leader(w.ctx)
	require.NoError(w.t, err)
	time.Sleep(50 * time.Millisecond)
	return s, w.rig.at(s.ID()).notifier
}

// S1: leadership flaps while establish hangs in a raft call without a
// deadline: the deadlock of nomad#6977. Raft goes on, and afterwards there is
// one decision to take, about now.
func TestS1_FlapsWhileEstablishHangs(t *testing.T) {
	withCluster(t, nil, func(w *wired) {
		leader, n := w.leader()
		watch := n.Watch()
		first, err := watch.Next(w.ctx)
		require.NoError(t, err)

		leader.FSM().Hang()
		r := leader.Raft()
		r.Apply([]byte("x"), 0)
		time.Sleep(time.Second)
		established := make(chan error, 1)
		go func() {
			established <- leadership.Establish(w.ctx, 10*time.Second, func(context.Context) error {
				return r.Barrier(0).Error()
			})
		}()
		time.Sleep(time.Second) // committed, and behind what hangs
		for range 20 {
			_, err := w.Flap(w.ctx, testcluster.Kick)
			require.NoError(t, err, "raft must go on while the program hangs")
		}
		var stuck *leadership.StuckError
		require.ErrorAs(t, <-established, &stuck)
		leader.FSM().Release()
		<-stuck.Done
		u, err := watch.Next(w.ctx)
		require.NoError(t, err)
		require.Equal(t, n.State(), u.State)
		require.Positive(t, u.Losses)
		require.Equal(t, u.Epoch-first.Epoch, u.Gains, "one update for all of it")
	})
}

// S12: raft shuts down in the middle of establish: the end is told although
// raft may drop its last send, and whatever State() says.
func TestS12_ShutdownDuringEstablish(t *testing.T) {
	withCluster(t, nil, func(w *wired) {
		leader, n := w.leader()
		watch := n.Watch()
		_, err := watch.Next(w.ctx)
		require.NoError(t, err)

		ctx, cancel := context.WithCancelCause(w.ctx)
		go func() {
			u, _ := watch.Next(w.ctx)
			cancel(u.Cause)
		}()
		done := make(chan error, 1)
		go func() {
			done <- leadership.Establish(ctx, time.Hour, func(ctx context.Context) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		require.NoError(t, leader.Raft().Shutdown().Error())
		require.ErrorIs(t, <-done, leadership.ErrShutdown)
		require.True(t, n.State().Closed)
	})
}

// S13: the program stops reading before raft stops (oxia#1174): a transfer on
// leave must still get through, twice, whatever it read the channel with.
func TestS13_ProgramStopsBeforeRaft(t *testing.T) {
	for _, tc := range []struct {
		name   string
		notify func(ctx context.Context) (chan<- bool, func())
	}{
		{"DropButLast", func(ctx context.Context) (chan<- bool, func()) {
			ch := make(chan bool)
			leadership.DropButLast(ctx, ch)
			return ch, func() { close(ch) }
		}},
		{"Notifier", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var end []func()
			program, stop := context.WithCancel(context.Background())
			stop() // it has stopped before raft even leads
			withCluster(t, func(_ raft.ServerID, c *raft.Config) {
				if tc.notify != nil {
					ch, closeIt := tc.notify(program)
					c.NotifyCh = ch
					end = append(end, closeIt)
				}
			}, func(w *wired) {
				for range 6 {
					leader, _ := w.leader()
					require.NoError(t, leader.Raft().LeadershipTransfer().Error())
				}
				w.leader()
				w.t.Cleanup(func() {
					_ = w.Close()
					for _, f := range end {
						f()
					}
				})
			})
		})
	}
}

// Guarantee 7: reading answers while raft's main loop is stuck.
func TestGuarantee7_ReadingWhileRaftIsStuck(t *testing.T) {
	withCluster(t, nil, func(w *wired) {
		leader, n := w.leader()
		require.NoError(t, leader.Pause(w.ctx))
		before := time.Now()
		s, err := n.WaitLeader(w.ctx)
		require.NoError(t, err)
		require.True(t, s.Leader)
		require.True(t, n.State().Leader)
		require.Equal(t, before, time.Now(), "no virtual time passed")

		// And the loss is seen by the fast path, long before the main loop
		// gets to say so.
		follower := w.Servers()[0]
		if follower == leader {
			follower = w.Servers()[1]
		}
		require.NoError(t, follower.Kick())
		watch := n.Watch()
		_, err = watch.Next(w.ctx)
		require.NoError(t, err)
		u, err := watch.Next(w.ctx)
		require.NoError(t, err)
		require.False(t, u.Leader)
		synctest.Wait()
		require.ErrorIs(t, n.State().Cause, leadership.ErrSuperseded)
		leader.Resume()
	})
}

func TestGuarantee8_CausesOnRaft(t *testing.T) {
	for _, tc := range []struct {
		name string
		lose func(w *wired, leader *testcluster.Server) error
		want error
	}{
		{"transfer", func(_ *wired, s *testcluster.Server) error {
			return s.Raft().LeadershipTransfer().Error()
		}, leadership.ErrTransferred},
		{"isolated", func(w *wired, s *testcluster.Server) error {
			return w.Network().Isolate(s.ID())
		}, leadership.ErrLeaseLost},
		{"disk", func(_ *wired, s *testcluster.Server) error {
			s.Logs().FailOnce(nil)
			_ = s.Raft().Apply([]byte("x"), 0).Error()
			return nil
		}, leadership.ErrLeaseLost},
		{"removed", func(_ *wired, s *testcluster.Server) error {
			return s.Raft().RemoveServer(s.ID(), 0, 0).Error()
		}, leadership.ErrRemoved},
		{"shutdown", func(_ *wired, s *testcluster.Server) error {
			return s.Raft().Shutdown().Error()
		}, leadership.ErrShutdown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withCluster(t, nil, func(w *wired) {
				leader, n := w.leader()
				watch := n.Watch()
				_, err := watch.Next(w.ctx)
				require.NoError(t, err)
				require.NoError(t, tc.lose(w, leader))
				_, err = watch.Next(w.ctx)
				require.NoError(t, err)
				time.Sleep(50 * time.Millisecond)
				lost := n.State()
				require.Equal(t, tc.want, lost.Cause)
				time.Sleep(3 * time.Second)
				w.Heal()
				time.Sleep(3 * time.Second)
				if now := n.State(); now.Leader || now.Epoch == lost.Epoch {
					require.Equal(t, tc.want, now.Cause, "hearing of the next leader must not change it")
				}
			})
		})
	}
}

func TestAttachTwice(t *testing.T) {
	withCluster(t, nil, func(w *wired) {
		leader, n := w.leader()
		require.ErrorIs(t, n.Attach(leader.Raft()), leadership.ErrAttached)
	})
}
