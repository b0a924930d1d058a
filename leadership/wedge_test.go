// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// hashicorp/raft#696: transfers to a server that does not answer, made again and
// again, leave a later leader that refuses every write for good.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// afterTransfersIntoNothing has the leader hand over, three times by transfer, to
// a server that has become a black hole, lose leadership, and win it again. It
// reports whether that leadership accepts writes.
func afterTransfersIntoNothing(ctx context.Context, t *testing.T, c *testcluster.Cluster, transfer func(leader, to *testcluster.Server)) (wedged bool) {
	leader, err := c.Leader(ctx)
	require.NoError(t, err)
	servers := c.Servers()
	victim := servers[0]
	if victim == leader {
		victim = servers[1]
	}
	require.NoError(t, c.Network().Set(leader.ID(), victim.ID(), testcluster.Link{BlackHole: true}))
	_, err = c.Apply(ctx, []byte("the victim lags"))
	require.NoError(t, err)
	for range 3 {
		transfer(leader, victim)
		time.Sleep(100 * time.Millisecond) // raft answers before it takes back "in progress"
	}
	for leader.Raft().State() == raft.Leader { // deposed by the third, which hears all
		for _, s := range servers {
			if s != leader && s != victim {
				require.NoError(t, s.Kick())
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(15 * time.Second) // every call of the transport has timed out
	require.NoError(t, c.Network().Set(leader.ID(), victim.ID(), testcluster.Link{}))
	_, err = c.Leader(ctx)
	require.NoError(t, err)
	for leader.Raft().State() != raft.Leader {
		time.Sleep(time.Second)
		_ = leader.Kick()
		time.Sleep(time.Second)
	}
	for range 30 {
		err = leader.Raft().Apply([]byte("x"), time.Second).Error()
		time.Sleep(time.Second)
	}
	return errors.Is(err, raft.ErrLeadershipTransferInProgress)
}

// inLeakyBubble runs test in a bubble that may be left with goroutines of raft.
func inLeakyBubble(t *testing.T, test func(t *testing.T)) {
	defer func() {
		if p := recover(); p != nil && !strings.Contains(p.(error).Error(), "deadlock") {
			panic(p)
		}
	}()
	synctest.Test(t, test)
}

func TestControlTransferRetriesWedge(t *testing.T) {
	const runs = 40
	var wedged int
	for seed := range uint64(runs) {
		inLeakyBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			c, err := testcluster.New(testcluster.Config{Seed: seed})
			require.NoError(t, err)
			defer func() { _ = c.Close() }()
			if afterTransfersIntoNothing(ctx, t, c, func(leader, to *testcluster.Server) {
				f := leader.Raft().LeadershipTransferToServer(to.ID(), to.Address())
				_ = f.Error()
			}) {
				wedged++
			}
		})
	}
	t.Logf("%d of %d later leaders refuse every write", wedged, runs)
	require.GreaterOrEqual(t, wedged, runs/5, "raft#696 no longer shows: see docs/track-record.md")
}

// The same through Runners: the second request is refused.
func TestS19_RunnersNeverWedge(t *testing.T) {
	const runs = 40
	for seed := range uint64(runs) {
		withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Seed: seed}, func(c *crew) {
			var errs []error
			require.False(t, afterTransfersIntoNothing(c.ctx, t, c.Cluster, func(leader, to *testcluster.Server) {
				errs = append(errs, c.of(leader.ID()).runner.Transfer(c.ctx, to.ID()))
			}), "seed %d", seed)
			require.Error(t, errs[0])
			require.ErrorIs(t, errs[1], leadership.ErrSilentTarget)
			require.ErrorIs(t, errs[2], leadership.ErrSilentTarget)
		})
	}
}
