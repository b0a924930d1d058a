// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestIsolatedLeaderIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		old := leader(t, c)
		require.NoError(t, c.Network().Isolate(old.ID()))
		time.Sleep(5 * time.Second)
		require.NotEqual(t, old, leader(t, c))
		require.NotEqual(t, raft.Leader, old.Raft().State())
		c.Heal()
		apply(t, c, "after")
		require.NoError(t, c.Converged(t.Context()))
	})
}

func TestPartitionKeepsTheMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 5})
		old := leader(t, c)
		require.NoError(t, c.Network().Partition([]raft.ServerID{old.ID(), other(c, old).ID()}))
		time.Sleep(5 * time.Second)
		now := leader(t, c)
		require.NotContains(t, []*Server{old, other(c, old)}, now)
		apply(t, c, "majority")
		require.NoError(t, c.Network().Partition())
		require.NoError(t, c.Converged(t.Context()))
	})
}

// The fast path is the difference between a follower that is content with a
// dead leader and one that is not.
func TestPausedLeaderIsNoticedOnlyThroughItsMainLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		old := leader(t, c)
		require.NoError(t, old.Pause(t.Context()))
		require.NoError(t, old.Pause(t.Context()), "twice is no error")
		require.Error(t, old.Probe(within(t, time.Second)))
		time.Sleep(time.Minute)
		require.Equal(t, raft.Leader, old.Raft().State(), "heartbeats go on, so nobody stands for election")
		_, err := c.Apply(within(t, time.Second), []byte("x"))
		require.ErrorIs(t, err, ErrUnknownOutcome)
		old.Resume()
		require.NoError(t, old.Probe(t.Context()))
		require.NoError(t, c.Converged(t.Context()))
	})
}

func TestPausedFollowerIsContentOnTheFastPathOnly(t *testing.T) {
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{NoFastPath: slow})
			l := leader(t, c)
			follower := other(c, l)
			time.Sleep(time.Second)
			require.NoError(t, follower.Pause(t.Context()))
			time.Sleep(5 * time.Second)
			fresh := time.Since(follower.Raft().LastContact()) < time.Second
			require.Equal(t, !slow, fresh)
			follower.Resume()
			time.Sleep(5 * time.Second)
			require.NoError(t, c.Converged(t.Context()))
		})
	}
}

func TestKickMakesTheKickedLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		heir := other(c, leader(t, c))
		time.Sleep(settling)
		require.NoError(t, heir.Kick())
		time.Sleep(settling)
		require.Equal(t, heir, leader(t, c))
	})
}

func TestFlapSaysWhatChanged(t *testing.T) {
	for kind := range flaps {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Servers: 5, Link: Link{MaxDelay: time.Millisecond}})
			before := leader(t, c)
			term := before.Raft().CurrentTerm()
			change, err := c.Flap(t.Context(), kind)
			require.NoError(t, err, kind)
			require.Equal(t, before.ID(), change.Old, kind)
			require.NotEqual(t, change.Old, change.New, kind)
			require.Greater(t, change.Term, term, kind)
			time.Sleep(time.Second)
			require.Equal(t, change.New, leader(t, c).ID(), kind)
			require.NoError(t, c.Converged(t.Context()))
		})
	}
}

func TestFlapSaysWhenItIsImpossible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 2})
		_, err := c.Flap(t.Context(), Crash)
		require.ErrorContains(t, err, "needs 3 voters")
		_, err = c.Flap(t.Context(), SlowLog)
		require.ErrorContains(t, err, "no flap by slow-log")
		_, err = c.Flap(t.Context(), Kick)
		require.NoError(t, err)
	})
}

func TestGuarantee6_WaitsEndByThemselvesAndSayWhoIsWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		require.NoError(t, c.Network().SetAll(Link{Cut: true}))
		time.Sleep(5 * time.Second)
		begin := time.Now()
		_, err := c.Leader(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "n1 Candidate of term")
		require.Equal(t, patience, time.Since(begin))
		c.Heal()
		leader(t, c)
	})
}

func TestSlowFollowersBehindLiveHeartbeatsLoseNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		l := leader(t, c)
		for _, s := range c.Servers() {
			if s != l {
				s.Logs().Hang()
			}
		}
		_, err := c.Apply(within(t, time.Minute-time.Second), []byte("x"))
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.Equal(t, raft.Leader, l.Raft().State(), "no commit and no step-down: a leader that cannot lead and is not deposed")
		c.Heal()
		require.NoError(t, c.Converged(t.Context()))
	})
}
