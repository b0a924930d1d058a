// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// bootFleet is a discovery and a network of servers that boot, in memory.
type bootFleet struct {
	mu    sync.Mutex // guards what follows
	nodes map[raft.ServerID]*bootNode
	delay map[raft.ServerID]time.Duration // of the probes that it makes
}

type bootNode struct {
	fleet *bootFleet
	local *Local
	store *raft.InmemStore // log and votes: wiping is to make a new one
	snaps raft.SnapshotStore
	trans *raft.InmemTransport
	raft  *raft.Raft
	on    bool // its process runs
}

func newBootFleet(size int) *bootFleet {
	f := &bootFleet{nodes: map[raft.ServerID]*bootNode{}, delay: map[raft.ServerID]time.Duration{}}
	for i := range size {
		n := &bootNode{fleet: f, store: raft.NewInmemStore(), snaps: raft.NewInmemSnapshotStore()}
		f.nodes[bootID(i)] = n
		n.power(i)
	}
	return f
}

// power starts a process: another Local, another transport, the same disk.
func (n *bootNode) power(i int) {
	m := bootMember(i)
	n.local = NewLocal(m.ID, m.Address, "blue")
	_, n.trans = raft.NewInmemTransport(m.Address)
	for _, other := range n.fleet.nodes {
		if other != n && other.trans != nil {
			other.trans.Connect(n.trans.LocalAddr(), n.trans)
			n.trans.Connect(other.trans.LocalAddr(), other.trans)
		}
	}
	n.fleet.mu.Lock()
	defer n.fleet.mu.Unlock()
	n.on, n.raft = true, nil
}

func (n *bootNode) id() raft.ServerID { return n.local.server().ID }

func (n *bootNode) stop(t *testing.T) {
	n.fleet.mu.Lock()
	n.on = false
	n.fleet.mu.Unlock()
	if n.raft != nil {
		require.NoError(t, n.raft.Shutdown().Error())
	}
	require.NoError(t, n.trans.Close())
	for _, other := range n.fleet.nodes {
		other.trans.Disconnect(n.trans.LocalAddr())
	}
}

func (f *bootFleet) stop(t *testing.T) {
	for _, n := range f.nodes {
		if n.on {
			n.stop(t)
		}
	}
}

// View shows the processes that run.
func (f *bootFleet) View(context.Context) (View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := View{Taken: time.Now(), Warm: true}
	for _, id := range slices.Sorted(maps.Keys(f.nodes)) {
		if n := f.nodes[id]; n.on {
			s := n.local.server()
			v.Members = append(v.Members, Member{ID: s.ID, Address: s.Address, Health: Alive})
		}
	}
	return v, nil
}

func (n *bootNode) Probe(ctx context.Context, s raft.Server) (Reply, error) {
	n.fleet.mu.Lock()
	delay, to := n.fleet.delay[n.id()], n.fleet.nodes[s.ID]
	on := to != nil && to.on
	n.fleet.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
	if !on {
		return Reply{}, errors.New("connection refused")
	}
	return to.local.Reply(), nil
}

func (n *bootNode) config() BootConfig {
	return BootConfig{Local: n.local, Logs: n.store, Stable: n.store, Snaps: n.snaps, Source: n.fleet, Prober: n, NoBackup: true}
}

func (n *bootNode) raftConfig() *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID, conf.Logger = n.id(), hclog.NewNullLogger()
	return conf
}

func (n *bootNode) act(ctx context.Context, v Verdict) error {
	return v.Act(ctx, n.raftConfig(), func() raft.FSM { return bootFSM{} }, n.store, n.store, n.snaps, n.trans)
}

// run boots, acts, and starts raft, as a program would.
func (n *bootNode) run(ctx context.Context, c BootConfig) error {
	v, err := Boot(ctx, c)
	if err != nil {
		return err
	}
	if err := n.act(ctx, v); err != nil {
		return err
	}
	n.raft, err = raft.NewRaft(n.raftConfig(), bootFSM{}, n.store, n.store, n.snaps, n.trans)
	if err == nil {
		n.local.attach(n.raft)
	}
	return err
}

// leader waits until the servers agree on a leader, and proves it with a write.
func (f *bootFleet) leader(t *testing.T, within time.Duration) *bootNode {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, n := range f.nodes {
			if n.on && n.raft != nil && n.raft.State() == raft.Leader && n.raft.Apply([]byte("x"), time.Second).Error() == nil {
				return n
			}
		}
	}
	require.FailNow(t, "no leader", "within %v", within)
	return nil
}

// bootFSM keeps nothing.
type bootFSM struct{}

func (bootFSM) Apply(*raft.Log) any                 { return nil }
func (bootFSM) Snapshot() (raft.FSMSnapshot, error) { return bootFSM{}, nil }
func (bootFSM) Restore(r io.ReadCloser) error       { return r.Close() }
func (bootFSM) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (bootFSM) Release()                            {}
