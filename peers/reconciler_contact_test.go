// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func heard(c *contact, data any) { c.observe(&raft.Observation{Data: data}) }

// The witness of raft: who fails, since when, until when; and no late word from a
// leadership or a replication that is over, which nothing would ever take back.
func TestGuarantee28_WhatRaftSaysOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		c := newContact(func() { woken++ })
		before := time.Now()
		time.Sleep(time.Second)
		heard(c, raft.Leader)
		start := time.Now()
		fails := func(id raft.ServerID, last time.Time) {
			heard(c, raft.FailedHeartbeatObservation{PeerID: id, LastContact: last})
		}
		fails("late", before)
		require.Empty(t, c.silent(time.Now()), "of a leadership that is over")

		fails("n2", start) // never heard
		time.Sleep(10 * time.Second)
		was := woken
		fails("n2", start)
		require.Equal(t, was, woken, "no news")
		require.Equal(t, map[raft.ServerID]time.Duration{"n2": 10 * time.Second}, c.silent(time.Now()))
		require.Equal(t, 10*time.Second, c.leading(time.Now()))
		heard(c, raft.ResumedHeartbeatObservation{PeerID: "n2"})
		require.Empty(t, c.silent(time.Now()))
		require.Greater(t, woken, was)

		fails("n3", start)
		heard(c, raft.PeerObservation{Removed: true, Peer: raft.Server{ID: "n3"}})
		time.Sleep(time.Second)
		heard(c, raft.PeerObservation{Peer: raft.Server{ID: "n3"}})
		fails("n3", start)
		require.Empty(t, c.silent(time.Now()), "of a replication that is over")

		fails("n4", time.Now())
		time.Sleep(hearsay + 1)
		require.Empty(t, c.silent(time.Now()), "raft does not repeat it")

		fails("n5", time.Now())
		heard(c, raft.Follower)
		require.Empty(t, c.silent(time.Now()), "of a leadership that is over")
		heard(c, raft.Shutdown)
		heard(c, raft.Shutdown)
		require.True(t, isClosed(c.closed))
	})
}
