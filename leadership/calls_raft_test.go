// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Calls on real raft, in virtual time.

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// onLeader runs a test on the leader of a cluster, with goroutines and with
// reflection. The test must leave nothing outstanding.
func onLeader(t *testing.T, test func(w *wired, leader *testcluster.Server, c *leadership.Calls)) {
	onLeaderWith(t, nil, test)
}

func onLeaderWith(t *testing.T, conf func(raft.ServerID, *raft.Config), test func(*wired, *testcluster.Server, *leadership.Calls)) {
	for _, reflection := range []bool{false, true} {
		t.Run(fmt.Sprintf("reflection=%v", reflection), func(t *testing.T) {
			withCluster(t, conf, func(w *wired) {
				leader, _ := w.leader()
				c := &leadership.Calls{Raft: leader.Raft(), CancelByReflection: reflection}
				test(w, leader, c)
				require.Zero(t, c.Outstanding())
			})
		})
	}
}

// within is a context that ends after d, and how long it really took.
func (w *wired) within(d time.Duration, call func(ctx context.Context) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(w.ctx, d)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	return time.Since(start), err
}

func apply(c *leadership.Calls) func(context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := c.Apply(ctx, []byte("x"))
		return err
	}
}

func barrier(c *leadership.Calls) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.Barrier(ctx)
		return err
	}
}

// left is how many futures a call leaves behind that raft does not answer.
func left(c *leadership.Calls, calls int) int {
	if c.CancelByReflection {
		return 0
	}
	return calls
}

func TestCallsOnRaft(t *testing.T) {
	onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		before, err := c.Barrier(w.ctx)
		require.NoError(t, err)
		require.Equal(t, leader.Raft().CurrentTerm(), before.Term)
		_, index, err := c.Apply(w.ctx, []byte("x"))
		require.NoError(t, err)
		require.Equal(t, leader.FSM().Chain().Index, index)
		require.NoError(t, c.Verify(w.ctx))
		after, err := c.Barrier(w.ctx)
		require.NoError(t, err)
		require.Equal(t, leadership.Token{Term: before.Term, Index: index + 1}, after)
		require.Equal(t, 1, after.Compare(before))

		follower := &leadership.Calls{Raft: w.Servers()[0].Raft(), CancelByReflection: c.CancelByReflection}
		if w.Servers()[0] == leader {
			follower.Raft = w.Servers()[1].Raft()
		}
		for _, call := range []func(context.Context) error{apply(follower), barrier(follower), follower.Verify} {
			err := call(w.ctx)
			require.ErrorIs(t, err, raft.ErrNotLeader)
			require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown)
		}
	})
}

func TestAwaitHungStateMachine(t *testing.T) {
	onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		commands := leader.FSM().Chain().Commands
		leader.FSM().Hang()
		took, err := w.within(time.Second, apply(c))
		require.Equal(t, time.Second, took)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, leadership.ErrOutcomeUnknown)
		require.Equal(t, left(c, 1), c.Outstanding())
		leader.FSM().Release()
		synctest.Wait()
		require.Equal(t, commands+1, leader.FSM().Chain().Commands, "and it was applied")
	})
}

func TestGuarantee20_FiftyBarriersGivenUp(t *testing.T) {
	onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		leader.FSM().Hang()
		leader.Raft().Apply([]byte("x"), 0)
		time.Sleep(time.Second)
		before := runtime.NumGoroutine()
		for range 50 {
			took, err := w.within(100*time.Millisecond, barrier(c))
			require.Equal(t, 100*time.Millisecond, took)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		require.Equal(t, left(c, 50), c.Outstanding())
		require.InDelta(t, left(c, 50), runtime.NumGoroutine()-before, 20)
		leader.FSM().Release()
		synctest.Wait()
	})
}

// The main loop takes nothing. What hangs in the hand-over is given up too, and
// a command that was handed over again and again is applied once.
func TestMainLoopTakesNothing(t *testing.T) {
	onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		commands := leader.FSM().Chain().Commands
		require.NoError(t, leader.Pause(w.ctx))
		for _, call := range []func(context.Context) error{apply(c), barrier(c)} {
			took, err := w.within(350*time.Millisecond, call)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			if c.CancelByReflection {
				require.Equal(t, 400*time.Millisecond, took, "until the end of the slice")
				require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown, "and then it is known")
			} else {
				require.Equal(t, 350*time.Millisecond, took)
				require.Equal(t, 1, c.Outstanding())
			}
			time.Sleep(100 * time.Millisecond)
			require.Zero(t, c.Outstanding())
		}
		time.AfterFunc(550*time.Millisecond, leader.Resume)
		took, err := w.within(time.Minute, apply(c))
		require.NoError(t, err)
		require.Less(t, took, time.Second)
		require.Equal(t, commands+1, leader.FSM().Chain().Commands)
	})
}

// The 64 places of the queue are taken: VerifyLeader itself blocks.
func TestVerifyQueueIsFull(t *testing.T) {
	onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		require.NoError(t, leader.Pause(w.ctx))
		for range 64 {
			leader.Raft().VerifyLeader()
		}
		time.AfterFunc(2*time.Second, leader.Resume)
		took, err := w.within(time.Second, c.Verify)
		require.Equal(t, time.Second, took)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Equal(t, 1, c.Outstanding())
		time.Sleep(2 * time.Second)
	})
}

// With BatchApplyCh raft takes a command into a buffer. It may be applied long
// after its caller has left, or be refused for good by a server that no longer
// leads.
func TestApplyThroughTheBuffer(t *testing.T) {
	buffered := func(_ raft.ServerID, c *raft.Config) { c.BatchApplyCh = true }
	onLeaderWith(t, buffered, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
		commands := leader.FSM().Chain().Commands
		require.NoError(t, leader.Pause(w.ctx))
		_, err := w.within(350*time.Millisecond, apply(c))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, leadership.ErrOutcomeUnknown)
		require.Equal(t, left(c, 1), c.Outstanding())
		leader.Resume()
		time.Sleep(time.Second)
		require.Equal(t, commands+1, leader.FSM().Chain().Commands)

		require.NoError(t, leader.Pause(w.ctx))
		time.AfterFunc(time.Second, leader.Resume)
		for _, s := range w.Servers() {
			if s != leader {
				require.NoError(t, s.Kick())
				break
			}
		}
		err = apply(c)(w.ctx)
		require.ErrorIs(t, err, raft.ErrNotLeader)
		require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown)
		time.Sleep(time.Second)
		require.Equal(t, commands+1, leader.FSM().Chain().Commands)
	})
}

// Every way a command can go wrong on raft, and what is known afterwards.
func TestApplyOutcomeOnRaft(t *testing.T) {
	for _, tc := range []struct {
		name    string
		fail    func(w *wired, leader *testcluster.Server) error
		want    error
		class   leadership.Class
		unknown bool
	}{
		{"cut off", func(w *wired, s *testcluster.Server) error {
			return w.Network().Isolate(s.ID())
		}, raft.ErrLeadershipLost, leadership.Lost, true},
		{"log store", func(_ *wired, s *testcluster.Server) error {
			s.Logs().FailOnce(nil)
			return nil
		}, testcluster.ErrInjected, leadership.Other, true},
		{"shut down", func(_ *wired, s *testcluster.Server) error {
			return s.Raft().Shutdown().Error()
		}, raft.ErrRaftShutdown, leadership.Terminal, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onLeader(t, func(w *wired, leader *testcluster.Server, c *leadership.Calls) {
				require.NoError(t, tc.fail(w, leader))
				err := apply(c)(w.ctx)
				require.ErrorIs(t, err, tc.want)
				require.Equal(t, tc.class, leadership.Classify(err))
				if tc.unknown {
					require.ErrorIs(t, err, leadership.ErrOutcomeUnknown)
				} else {
					require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown)
				}
			})
		})
	}
}

// CancelByReflection stands on a field of raft's futures. If this fails with a
// new release of raft, the field is gone, or Error looks at it no more.
func TestRaftFuturesCanBeCancelled(t *testing.T) {
	withCluster(t, nil, func(w *wired) {
		leader, _ := w.leader()
		r, other := leader.Raft(), w.Servers()[0]
		c := &leadership.Calls{CancelByReflection: true}
		given := func(name string, f raft.Future) {
			_, err := w.within(time.Second, func(ctx context.Context) error { return c.Await(ctx, f) })
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.Zero(t, c.Outstanding(), "%s: %T has lost the field", name, f)
		}
		leader.FSM().Hang()
		given("Apply", r.Apply([]byte("x"), 0))
		given("Barrier", r.Barrier(0))
		given("AddNonvoter", r.AddNonvoter(other.ID(), other.Address(), 0, 0)) // a voter stays one
		require.NoError(t, leader.Pause(w.ctx))
		given("VerifyLeader", r.VerifyLeader())
		given("LeadershipTransfer", r.LeadershipTransfer())
		leader.FSM().Release()
		leader.Resume()
		time.Sleep(time.Second)
	})
}

// tokens moves leadership some dozens of times while every server takes tokens
// as soon as it leads, and returns what each got, in order.
func tokens(t *testing.T, take func(ctx context.Context, r *raft.Raft) (leadership.Token, error)) (got map[raft.ServerID][]leadership.Token) {
	got = map[raft.ServerID][]leadership.Token{}
	var mu sync.Mutex
	withCluster(t, nil, func(w *wired) {
		ctx, stop := context.WithCancel(w.ctx)
		var all sync.WaitGroup
		for _, s := range w.Servers() {
			all.Go(func() {
				for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
					if r := s.Raft(); r.State() == raft.Leader {
						if token, err := take(ctx, r); err == nil {
							mu.Lock()
							got[s.ID()] = append(got[s.ID()], token)
							mu.Unlock()
						}
					}
				}
			})
		}
		w.t.Cleanup(func() { stop(); all.Wait() }) // before the cluster's own
		for i := range 36 {
			_, err := w.Flap(w.ctx, []testcluster.Kind{testcluster.Kick, testcluster.Transfer, testcluster.Pause}[i%3])
			require.NoError(t, err)
			time.Sleep(30 * time.Millisecond)
		}
	})
	return got
}

// shared counts the terms that two servers hold a token of.
func shared(got map[raft.ServerID][]leadership.Token) (terms, collisions int) {
	holders := map[uint64]map[raft.ServerID]bool{}
	for id, of := range got {
		for _, token := range of {
			if holders[token.Term] == nil {
				holders[token.Term] = map[raft.ServerID]bool{}
			}
			holders[token.Term][id] = true
		}
	}
	for _, by := range holders {
		if len(by) > 1 {
			collisions++
		}
	}
	return len(holders), collisions
}

func TestGuarantee15_TokensNeverCollide(t *testing.T) {
	got := tokens(t, func(ctx context.Context, r *raft.Raft) (leadership.Token, error) {
		return (&leadership.Calls{Raft: r}).Barrier(ctx)
	})
	terms, collisions := shared(got)
	require.GreaterOrEqual(t, terms, 36)
	require.Zero(t, collisions)
	for id, of := range got {
		for i := 1; i < len(of); i++ {
			require.Equal(t, 1, of[i].Compare(of[i-1]), "%s got %v after %v", id, of[i], of[i-1])
		}
	}
}

// The control: a program that hears of its leadership, is busy for a moment,
// and then asks for the term.
func TestControlNaiveTokensCollide(t *testing.T) {
	terms, collisions := shared(tokens(t, func(_ context.Context, r *raft.Raft) (leadership.Token, error) {
		time.Sleep(20 * time.Millisecond)
		return leadership.Token{Term: r.CurrentTerm()}, nil
	}))
	t.Logf("%d of %d terms were held by two servers", collisions, terms)
	require.GreaterOrEqual(t, collisions, 10, "the control shows too little")
}
