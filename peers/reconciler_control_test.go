// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// A reconciler that keeps the number of voters as wanted, and to that end demotes itself: raft shuts such a leader down (raft.go, runLeader: ShutdownOnRemove tests for a
// vote, not for an entry), and with every such step the others have one server less.
func TestControlSelfDemotionLosesClusters(t *testing.T) {
	const clusters = 40
	lost := 0
	for seed := range uint64(clusters) {
		if demotesItself(t, seed) {
			lost++
		}
	}
	t.Logf("%d of %d clusters lost", lost, clusters)
	require.GreaterOrEqual(t, lost, clusters/20, "the control loses nothing: the schedules prove nothing")
}

func demotesItself(t *testing.T, seed uint64) (lost bool) {
	synctest.Test(t, func(t *testing.T) {
		c, err := testcluster.New(testcluster.Config{Servers: 5, Seed: seed})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, c.Close()) })
		rnd := rand.New(rand.NewPCG(seed, 5))
		ctx := t.Context()
		for range 3 * steps {
			time.Sleep(time.Duration(500+rnd.IntN(1500)) * time.Millisecond)
			server := c.Servers()[rnd.IntN(5)]
			switch {
			case rnd.IntN(3) > 0:
				naive(c, rnd, 3+2*rnd.IntN(2))
			case server.Raft() == nil:
				require.NoError(t, server.Restart(ctx))
			case server.Raft().State() != raft.Shutdown: // such a one looks well to whoever would restart it
				require.NoError(t, server.Crash(ctx))
			}
		}
		for _, server := range c.Servers() {
			if server.Raft() == nil {
				require.NoError(t, server.Restart(ctx))
			}
		}
		bound, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		_, err = c.Leader(bound)
		lost = err != nil
	})
	return lost
}

// naive brings the voters one step nearer to the target, as seen in many a leader loop.
func naive(c *testcluster.Cluster, rnd *rand.Rand, target int) {
	for _, server := range c.Servers() {
		r := server.Raft()
		if r == nil || r.State() != raft.Leader {
			continue
		}
		var voters, others []raft.ServerID
		for _, m := range r.GetConfiguration().Configuration().Servers {
			if m.Suffrage == raft.Voter {
				voters = append(voters, m.ID)
			} else {
				others = append(others, m.ID)
			}
		}
		switch {
		case len(voters) > target:
			r.DemoteVoter(server.ID(), 0, time.Second)
		case len(voters) < target && len(others) > 0:
			id := others[rnd.IntN(len(others))]
			r.AddVoter(id, c.Server(id).Address(), 0, time.Second)
		}
		return
	}
}

// What the schedules look for is seen when it happens: a planner that promotes whoever is
// announced ends a quorum.
func TestControlTheScenesSeeALostQuorum(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.crash(s.other(a).id)
		s.crash("n4")
		time.Sleep(time.Second)
		s.rewire(a, func(r *Reconciler) {
			dead := raft.Server{ID: "n4", Address: "n4:8300"}
			r.plan = func(state State) Plan {
				return Plan{Base: state.ConfigIndex, Next: &Change{Op: Promote, Server: dead, Was: raft.Server{ID: "n4", Address: "n4:8300", Suffrage: raft.Nonvoter}}}
			}
			r.check = func(State, Change) error { return nil }
		})
		time.Sleep(5 * time.Second)
		require.NotEmpty(t, s.lost)
		_, err := s.settle(10*time.Second, func(*actor, []raft.Server) bool { return true })
		require.Error(t, err, "it has settled without a quorum")
	})
}

// other is a voter besides a, of the first three.
func (s *scene) other(a *actor) *actor {
	for _, id := range []raft.ServerID{"n1", "n2", "n3"} {
		if id != a.id {
			return s.actor(id)
		}
	}
	return nil
}
