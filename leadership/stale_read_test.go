// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Two holes of raft.VerifyLeader, through which a deposed leader would serve old
// values: a read barrier made of it alone returns nil here.

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// deposedBy has another server lead and commit something, while m does not know.
func (c *crew) deposedBy(other *member) {
	require.NoError(c.t, c.Server(other.id).Kick())
	next, err := other.runner.Ready(c.ctx)
	require.NoError(c.t, err)
	_, _, err = next.Apply(c.ctx, []byte("new"))
	require.NoError(c.t, err)
}

// A server without a vote is asked, and its answer counts as a vote (raft.go,
// verifyLeader).
func TestGuarantee16_ReadBarrierAndNonvoters(t *testing.T) {
	withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Servers: 4, Voters: 3}, func(c *crew) {
		a := c.serving()
		require.NoError(c.t, a.raft.AddNonvoter("n4", c.Server("n4").Address(), 0, time.Second).Error())
		s := a.runner.Session()
		time.Sleep(time.Second)
		var voters []*member
		for _, o := range c.others(a) {
			if o.id == "n4" {
				continue
			}
			voters = append(voters, o)
			for _, side := range []raft.ServerID{a.id, "n4"} {
				require.NoError(c.t, c.Network().Set(side, o.id, testcluster.Link{Cut: true}))
				require.NoError(c.t, c.Network().Set(o.id, side, testcluster.Link{Cut: true}))
			}
		}
		c.deposedBy(voters[0])
		verify := leadership.Calls{Raft: a.raft, CancelByReflection: true}
		require.NoError(c.t, verify.Verify(c.ctx), "raft has mended this: see docs/track-record.md")
		require.Error(c.t, s.ReadBarrier(c.ctx), "a read of old values")
	})
}

// An answer to what was sent before the call counts as a vote (replication.go,
// notifyAll).
func TestGuarantee16_ReadBarrierAndOldAnswers(t *testing.T) {
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Seed: uint64(i)}, func(c *crew) {
				a := c.serving()
				s := a.runner.Session()
				others := c.others(a)
				for _, o := range others { // answers are slow, requests are not
					require.NoError(c.t, c.Network().Set(o.id, a.id, testcluster.Link{MinDelay: 250 * time.Millisecond}))
				}
				time.Sleep(3*time.Second + time.Duration(i)*37*time.Millisecond)
				require.NoError(c.t, s.Context().Err())
				for _, o := range others {
					require.NoError(c.t, c.Network().Set(a.id, o.id, testcluster.Link{Cut: true}))
				}
				c.deposedBy(others[0])
				require.Error(c.t, s.ReadBarrier(c.ctx), "a read of old values")
			})
		})
	}
}
