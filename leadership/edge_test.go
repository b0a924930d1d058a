// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// Attach asks raft who leads, is held up, and takes in the answer when we lead.
func TestSeedIsLate(t *testing.T) {
	for _, was := range []raft.ServerID{"", "n2"} {
		n := NewNotifier()
		f := &fakeRaft{n: n, notify: n.NotifyCh()}
		f.win() // the hook is registered already
		n.seed(f, was)
		self, _ := n.reached()
		require.Equal(t, fakeID, self)
	}
}

// A heartbeat of an earlier leadership fails when we lead again.
func TestFailureOfAnOlderLeadership(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	then := time.Now()
	f.stepDown()
	time.Sleep(2 * time.Millisecond)
	f.win()
	n.observe(&raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "n2", LastContact: then}})
	_, reached := n.reached()
	require.True(t, reached("n2"), "nothing ever says that it is heard, because it always is")
	n.observe(&raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "n2", LastContact: time.Now()}})
	_, reached = n.reached()
	require.False(t, reached("n2"))
}

// A dead server is removed and added anew under its id.
func TestServerAddedAnew(t *testing.T) {
	n := NewNotifier()
	f := newFakeRaft(n)
	f.win()
	peer := raft.Server{ID: "n2"}
	n.observe(&raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "n2", LastContact: time.Now()}})
	n.observe(&raft.Observation{Data: raft.PeerObservation{Peer: peer, Removed: true}})
	n.observe(&raft.Observation{Data: raft.PeerObservation{Peer: peer}})
	_, reached := n.reached()
	require.True(t, reached("n2"), "raft starts with it anew, and tells only of failures")
}

// Ready before Run, and raft shuts down.
func TestReadyWithoutRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNotifier()
		f := newFakeRaft(n)
		r := newRunner(nil, n, Role{}, Config{})
		time.AfterFunc(time.Second, func() { f.set(raft.Shutdown) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := r.Ready(ctx)
		require.True(t, errors.Is(err, ErrClosed), "%v", err)
	})
}
