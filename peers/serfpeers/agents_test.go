// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"context"
	"io"
	"maps"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/raft"
	"github.com/hashicorp/serf/serf"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

// patience is for machines that do ten other things. Nothing waits for it to pass.
const patience = 30 * time.Second

// fast makes Serf notice a failure in about a second on loopback.
func fast(name string, tags map[string]string) *serf.Config {
	conf := serf.DefaultConfig()
	conf.NodeName, conf.Tags = name, maps.Clone(tags)
	conf.LogOutput = io.Discard
	conf.BroadcastTimeout, conf.LeavePropagateDelay = patience, 20*time.Millisecond
	conf.ReapInterval, conf.ReconnectInterval = 20*time.Millisecond, time.Hour
	m := memberlist.DefaultLocalConfig()
	m.BindAddr, m.BindPort, m.AdvertisePort = "127.0.0.1", 0, 0
	m.LogOutput = io.Discard
	m.GossipInterval, m.ProbeInterval, m.ProbeTimeout = 10*time.Millisecond, 300*time.Millisecond, 250*time.Millisecond
	m.SuspicionMult, m.DeadNodeReclaimTime = 2, time.Millisecond
	m.RetransmitMult = 10 // gossip tells only some, and what it tells nobody is lost
	conf.MemberlistConfig = m
	return conf
}

func serverTags(id string) map[string]string {
	return map[string]string{"role": "server", "cluster": "prod", "id": id, "port": "8300"}
}

// agent is a real Serf on loopback.
func agent(t *testing.T, conf *serf.Config) *serf.Serf {
	t.Helper()
	sf, err := serf.Create(conf)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sf.Shutdown()) })
	return sf
}

func join(t *testing.T, sf *serf.Serf, others ...*serf.Serf) {
	t.Helper()
	for _, o := range others {
		n, err := sf.Join([]string{address(o)}, false)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
}

// seer is an agent whose Source listens and runs.
type seer struct {
	*Source
	serf *serf.Serf
	done chan error
}

func newSeer(t *testing.T, name string, conf Config, change ...func(*serf.Config)) *seer {
	t.Helper()
	if conf.Every == 0 {
		conf.Every = 20 * time.Millisecond
	}
	src, err := New(conf)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s := &seer{Source: src, done: make(chan error, 1)}
	go func() { s.done <- src.Run(ctx) }()
	t.Cleanup(cancel)
	c := fast(name, serverTags("id-"+name))
	for _, f := range change {
		f(c)
	}
	require.NoError(t, src.Listen(c))
	s.serf = agent(t, c)
	require.NoError(t, src.Attach(s.serf))
	return s
}

func (s *seer) view(t *testing.T) peers.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := s.View(ctx)
	require.NoError(t, err)
	return v
}

// until looks until the view is as wanted.
func (s *seer) until(t *testing.T, what string, ok func(peers.View) bool) peers.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		v, err := s.View(ctx)
		require.NoError(t, err, what)
		if ok(v) {
			return v
		}
		select {
		case <-s.Changes():
		case <-ctx.Done():
			require.Fail(t, what, "%+v", v)
		}
	}
}

// is waits until the server with that id has that health, and returns it.
func (s *seer) is(t *testing.T, id raft.ServerID, h peers.Health) peers.Member {
	t.Helper()
	v := s.until(t, string(id)+" is "+h.String(), func(v peers.View) bool {
		m, ok := member(v, id)
		return ok && m.Health == h
	})
	m, _ := member(v, id)
	return m
}

func (s *seer) absent(t *testing.T, id raft.ServerID) {
	t.Helper()
	s.until(t, string(id)+" is absent", func(v peers.View) bool {
		_, ok := member(v, id)
		return !ok
	})
}

func member(v peers.View, id raft.ServerID) (peers.Member, bool) {
	for _, m := range v.Members {
		if m.ID == id {
			return m, true
		}
	}
	return peers.Member{}, false
}

// eventually polls what has no channel.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 5*time.Millisecond, what)
}

func address(sf *serf.Serf) string {
	local := sf.Memberlist().LocalNode()
	return net.JoinHostPort(local.Addr.String(), strconv.Itoa(int(local.Port)))
}
