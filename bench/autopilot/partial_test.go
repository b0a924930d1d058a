// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package autopilot

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	ap "github.com/hashicorp/raft-autopilot"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

// prune is one running autopilot, until it has removed nothing in two rounds.
func prune(t *testing.T, g *group) []raft.ServerID {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pilot := ap.New(g, g, ap.WithLogger(hclog.NewNullLogger()),
		ap.WithUpdateInterval(5*time.Millisecond), ap.WithReconcileInterval(time.Hour))
	pilot.Start(ctx)
	pilot.RemoveDeadServers() // as its user does when the members change
	require.Eventually(t, func() bool { _, rounds := g.removals(); return rounds > 5 }, 30*time.Second, time.Millisecond)
	<-pilot.Stop()
	removed, _ := g.removals()
	return removed
}

// Healthy voters that answer raft, and a discovery that shows only some of them: behind
// a firewall, with another gossip key, or restarted a moment ago.
func TestPartialViewCostsAutopilotVotersAndPeersNone(t *testing.T) {
	for _, tc := range []struct {
		voters, shown int
		minQuorum     uint
		want          int // what autopilot removes
	}{
		{9, 3, 3, 6},
		{9, 3, 7, 6}, // MinQuorum holds for servers it knows only
		{5, 3, 3, 2},
		{7, 4, 7, 3},
		{5, 5, 3, 0}, // the control of the control
	} {
		removed := prune(t, newGroup(tc.voters, tc.voters, tc.shown, tc.minQuorum))
		require.Len(t, removed, tc.want, "autopilot, %+v", tc)

		g := newGroup(tc.voters, tc.voters, tc.shown, tc.minQuorum)
		policy := peers.Policy{TargetVoters: tc.voters, MinVoters: 1}
		for _, warm := range []bool{false, true} {
			state := g.state()
			state.View.Warm = warm
			plan := policy.Plan(state)
			require.Nil(t, plan.Next, "peers, %+v", tc)
			require.Empty(t, plan.Then)
			require.Equal(t, tc.voters, plan.Tally.Live)
		}
	}
}

// The plan above is empty because the voters answer, and not because it is always
// empty: the same view with two of them silent to raft, too, costs these two, one by one.
func TestPeersRemovesWhatBothWitnessesMiss(t *testing.T) {
	g := newGroup(6, 6, 5, 3)
	state := g.state()
	state.View.Warm = true
	dead := state.Servers[5].ID
	state.Contact[dead] = time.Hour
	delete(state.Replies, dead)
	plan := peers.Policy{TargetVoters: 5, MinVoters: 3}.Plan(state)
	require.NotNil(t, plan.Next, "%+v", plan)
	require.Equal(t, peers.Remove, plan.Next.Op)
	require.Equal(t, dead, plan.Next.Server.ID)
}

// state is the group as its leader sees it.
func (g *group) state() peers.State {
	s := peers.State{
		Now: time.Now(), Local: g.servers[0].ID, Leading: time.Hour,
		Servers: g.servers, ConfigIndex: 1, LastIndex: lastIndex,
		Contact: map[raft.ServerID]time.Duration{}, Replies: map[raft.ServerID]peers.Reply{}, Known: map[raft.ServerID]uint64{},
	}
	s.View.Taken, s.View.Warm = s.Now, true
	for i, server := range g.servers {
		if i < g.shown {
			s.View.Members = append(s.View.Members, peers.Member{
				ID: server.ID, Address: server.Address, Health: peers.Alive,
				Since: s.Now.Add(-time.Hour), Nonvoter: server.Suffrage == raft.Nonvoter,
			})
		}
		s.Known[server.ID] = lastIndex
		s.Replies[server.ID] = peers.Reply{
			ID: server.ID, Address: server.Address, HasState: true, Term: 1, LastTerm: 1, LastIndex: lastIndex,
			Running: true, Leading: i == 0, Leader: g.servers[0].ID, Servers: g.servers, ConfigIndex: 1,
		}
	}
	return s
}
