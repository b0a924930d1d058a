// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package autopilot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	ap "github.com/hashicorp/raft-autopilot"
)

const lastIndex = 10

// group is a healthy cluster of n servers, the first voters of which vote, as autopilot
// and as peers see it. shown is how many of them discovery shows.
type group struct {
	servers []raft.Server
	shown   int
	conf    *ap.Config

	mu      sync.Mutex
	removed []raft.ServerID
	states  int // that autopilot came to since
}

func newGroup(n, voters, shown int, minQuorum uint) *group {
	g := &group{shown: shown, conf: &ap.Config{
		CleanupDeadServers: true, MinQuorum: minQuorum, LastContactThreshold: time.Second, MaxTrailingLogs: 100,
	}}
	for i := range n {
		s := raft.Server{
			ID:      raft.ServerID(fmt.Sprintf("server-%04d", i)),
			Address: raft.ServerAddress(fmt.Sprintf("10.0.%d.%d:8300", i/250, i%250+1)),
		}
		if i >= voters {
			s.Suffrage = raft.Nonvoter
		}
		g.servers = append(g.servers, s)
	}
	return g
}

func (g *group) removals() (ids []raft.ServerID, states int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append(ids, g.removed...), g.states
}

// The rest makes a group an autopilot.Raft and an autopilot.ApplicationIntegration.

var (
	_ ap.Raft                   = (*group)(nil)
	_ ap.ApplicationIntegration = (*group)(nil)
)

type future struct{ servers []raft.Server }

func (future) Error() error                        { return nil }
func (future) Index() uint64                       { return 0 }
func (f future) Configuration() raft.Configuration { return raft.Configuration{Servers: f.servers} }

func (g *group) GetConfiguration() raft.ConfigurationFuture {
	g.mu.Lock()
	defer g.mu.Unlock()
	return future{g.servers}
}

func (g *group) RemoveServer(id raft.ServerID, _ uint64, _ time.Duration) raft.IndexFuture {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.removed = append(g.removed, id)
	var left []raft.Server
	for _, s := range g.servers {
		if s.ID != id {
			left = append(left, s)
		}
	}
	g.servers = left
	g.states = 0
	return future{}
}

func (g *group) AddNonvoter(raft.ServerID, raft.ServerAddress, uint64, time.Duration) raft.IndexFuture {
	return future{}
}

func (g *group) AddVoter(raft.ServerID, raft.ServerAddress, uint64, time.Duration) raft.IndexFuture {
	return future{}
}

func (g *group) DemoteVoter(raft.ServerID, uint64, time.Duration) raft.IndexFuture { return future{} }

func (g *group) LeadershipTransferToServer(raft.ServerID, raft.ServerAddress) raft.Future {
	return future{}
}
func (g *group) LastIndex() uint64          { return lastIndex }
func (g *group) Leader() raft.ServerAddress { return g.servers[0].Address }
func (g *group) State() raft.RaftState      { return raft.Leader }
func (g *group) Stats() map[string]string {
	return map[string]string{"last_log_term": "1", "last_log_index": "10"}
}

func (g *group) AutopilotConfig() *ap.Config { return g.conf }

func (g *group) NotifyState(*ap.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states++
}

func (g *group) FetchServerStats(_ context.Context, alive map[raft.ServerID]*ap.Server) map[raft.ServerID]*ap.ServerStats {
	stats := make(map[raft.ServerID]*ap.ServerStats, len(alive))
	for id := range alive {
		stats[id] = &ap.ServerStats{LastTerm: 1, LastIndex: lastIndex}
	}
	return stats
}

func (g *group) KnownServers() map[raft.ServerID]*ap.Server {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := map[raft.ServerID]*ap.Server{}
	for i, s := range g.servers {
		if i >= g.shown {
			break
		}
		known[s.ID] = &ap.Server{ID: s.ID, Address: s.Address, NodeStatus: ap.NodeAlive, NodeType: ap.NodeVoter}
	}
	return known
}

func (g *group) RemoveFailedServer(s *ap.Server) { g.RemoveServer(s.ID, 0, 0) }
