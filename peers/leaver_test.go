// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// writeGap is the longest time between two writes while something is done.
func (s *scene) writeGap(do func()) time.Duration {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
		time.Sleep(2 * time.Second)
	}()
	last, gap := time.Now(), time.Duration(0)
	for !isClosed(done) {
		ctx, cancel := context.WithTimeout(s.t.Context(), 100*time.Millisecond)
		if _, err := s.c.Apply(ctx, []byte("write")); err == nil {
			gap, last = max(gap, time.Since(last)), time.Now()
		}
		cancel()
		time.Sleep(time.Millisecond)
	}
	return max(gap, time.Since(last))
}

// A leader that leaves hands over first, and whoever leads next removes it. raft's own
// way, RemoveServer of itself, costs an election.
func TestGuarantee26_ALeaderHandsOverFirst(t *testing.T) {
	for _, own := range []bool{false, true} { // a Transfer of the program's, or raft's
		conf := Config{Policy: quick(3)}
		var transfers atomic.Int32
		if own {
			conf.Transfer = func(context.Context, raft.ServerID) error { return errors.New("set below") }
		}
		begin(t, testcluster.Config{}, conf, func(t *testing.T, s *scene) {
			a := s.leader()
			s.becomes(10*time.Second, "[n1 n2 n3]")
			if own {
				a = s.rewire(a, func(r *Reconciler) {
					r.conf.Transfer = func(ctx context.Context, to raft.ServerID) error {
						transfers.Add(1)
						return s.c.Server(r.self).Transfer(ctx, to)
					}
				})
			}
			var verdict LeaveVerdict
			var err error
			gap := s.writeGap(func() { verdict, err = a.Leave(context.Background(), a.id) })
			require.NoError(t, err)
			require.Equal(t, MayLeave, verdict.Action)
			require.LessOrEqual(t, gap, 5*time.Millisecond)
			require.Len(t, s.leader().servers(), 2)
			require.NotEmpty(t, verdict.To)
			made := s.made() // the two ends may be noted in either order
			slices.Sort(made)
			require.Len(t, made, 2)
			require.Contains(t, made[0], "handover ")
			require.Equal(t, "remove "+string(a.id), made[1])
			require.Equal(t, own, transfers.Load() == 1)
			time.Sleep(10 * time.Second)
			require.Len(t, s.leader().servers(), 2, "it was added again before it had stopped")
		})
	}
	begin(t, testcluster.Config{}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		a := s.leader()
		gap := s.writeGap(func() { a.Reconciler.raft.RemoveServer(a.id, 0, 0) })
		require.Greater(t, gap, time.Second, "the control")
	})
}

// Without a Transfer of the program's, raft is asked once in a leadership (raft#696).
func TestGuarantee26_RaftIsAskedToHandOverOnce(t *testing.T) {
	begin(t, testcluster.Config{}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		var asked atomic.Int32
		a = s.rewire(a, func(r *Reconciler) {
			r.raft = untransferable{r.raft, &asked}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := a.Leave(ctx, a.id)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, int32(1), asked.Load())
		require.False(t, a.local.Reply().Leaving, "the wish outlives Leave")
		time.Sleep(10 * time.Second)
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
	})
}

type untransferable struct {
	raftServer
	asked *atomic.Int32
}

func (u untransferable) LeadershipTransferToServer(raft.ServerID, raft.ServerAddress) raft.Future {
	u.asked.Add(1)
	return refusal2{errors.New("no")}
}

// All servers are stopped in parallel, and each leaves first, as Consul's once did by
// default. The group is started again and has a leader at once, with nobody editing a file.
func TestGuarantee26_F3_AllLeaveAndStopAtOnce(t *testing.T) {
	for _, n := range []int{3, 5} {
		begin(t, testcluster.Config{Servers: n}, Config{Policy: quick(n)}, func(t *testing.T, s *scene) {
			s.leader()
			time.Sleep(10 * time.Second)
			asked := time.Now()
			var all sync.WaitGroup
			for _, server := range s.c.Servers() {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
					defer cancel()
					_, _ = s.actor(server.ID()).Leave(ctx, server.ID()) // and stops, whatever it says
				})
			}
			all.Wait()
			require.Less(t, time.Since(asked), 10*time.Second, "they wait for each other")
			for _, server := range s.c.Servers() {
				s.crash(server.ID())
			}
			for _, server := range s.c.Servers() {
				s.restart(server.ID())
			}
			begun := time.Now()
			a := s.leader()
			require.Less(t, time.Since(begun), 5*time.Second)
			require.GreaterOrEqual(t, s.truth(a.id, a.servers()).Voters, Policy{TargetVoters: n}.withDefaults().MinVoters)
			require.NoError(t, s.c.Converged(t.Context()))
		})
	}
}

// One after the other leaves, as long as it may. The floor holds.
func TestGuarantee26_TheFloorHolds(t *testing.T) {
	begin(t, testcluster.Config{Servers: 5}, Config{Policy: quick(5)}, func(t *testing.T, s *scene) {
		s.leader()
		time.Sleep(10 * time.Second)
		var said []LeaveAction
		for _, id := range []raft.ServerID{"n3", "n1", "n5", "n2", "n4"} {
			verdict, err := s.actor(id).Leave(t.Context(), id)
			require.NoError(t, err)
			said = append(said, verdict.Action)
		}
		require.Equal(t, []LeaveAction{MayLeave, MayLeave, StopOnly, StopOnly, StopOnly}, said)
		require.Equal(t, "[n2 n4 n5]", listed(s.leader().servers()))
	})
}

// A removal that is only appended is none: another leader may undo it.
func TestGuarantee26_OnlyACommittedRemovalCounts(t *testing.T) {
	r := Reply{Servers: []raft.Server{{ID: "n1"}}, ConfigIndex: 7, CommitIndex: 7}
	require.True(t, removed("n2", r))
	require.False(t, removed("n1", r))
	for _, spoil := range []func(*Reply){
		func(r *Reply) { r.CommitIndex = 6 },
		func(r *Reply) { r.ConfigIndex = 0 },
		func(r *Reply) { r.Servers = nil },
	} {
		r := r
		spoil(&r)
		require.False(t, removed("n2", r))
	}
}

func TestLeaveOfOthers(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		leader, other := s.leader(), s.follower()
		s.becomes(10*time.Second, "[n1 n2 n3 n4]")
		_, err := other.Leave(t.Context(), leader.id)
		require.ErrorIs(t, err, raft.ErrNotLeader)
		verdict, err := leader.Leave(t.Context(), "n9")
		require.NoError(t, err)
		require.Equal(t, []any{StopOnly, CodeNotListed}, []any{verdict.Action, verdict.Code})
		s.crash(other.id)
		verdict, err = leader.Leave(t.Context(), other.id)
		require.NoError(t, err)
		require.Equal(t, MayLeave, verdict.Action)
		require.Len(t, leader.servers(), 3)
		require.Empty(t, leader.Status().Leaving)
		leader.stop()
		<-leader.done
		_, err = leader.Leave(t.Context(), leader.id)
		require.ErrorContains(t, err, "Run is not running")
	})
}

// Run that ends, a signal, a crash: none of them is a leave.
func TestF4_ToStopIsNotToLeave(t *testing.T) {
	begin(t, testcluster.Config{}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		for _, server := range s.c.Servers() {
			a := s.actor(server.ID())
			a.stop()
			<-a.done
			require.NoError(t, a.ended)
			require.False(t, a.local.Reply().Leaving)
		}
		time.Sleep(time.Minute)
		require.Equal(t, "[n1 n2 n3]", listed(s.leader().servers()))
		require.Empty(t, s.made())
	})
}
