// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// A group of one is told by discovery of a second server, takes it in, and gives it a
// vote when it has caught up.
func ExampleReconciler() {
	ctx, stop := context.WithCancel(context.Background())
	config := peers.Config{
		Policy: peers.Policy{StableFor: 50 * time.Millisecond},
		Every:  50 * time.Millisecond, // 5 s is enough outside of examples
		Events: peers.Events{Changed: func(r peers.Record) {
			if r.Result == peers.Begun {
				return
			}
			fmt.Println(r.Change.Op, r.Change.Server.ID, r.Result)
			if r.Change.Op == peers.Promote {
				stop() // enough, for the example
			}
		}},
	}
	network := newNetwork()
	servers := map[raft.ServerID]*raft.Raft{}
	for _, id := range []raft.ServerID{"n1", "n2"} {
		r, err := network.start(id, id == "n1")
		if err != nil {
			fmt.Println(err)
			return
		}
		servers[id] = r
	}
	var all sync.WaitGroup
	for id, r := range servers {
		reconciler, err := peers.New(r, network.locals[id], network, network, config)
		if err != nil {
			fmt.Println(err)
			return
		}
		all.Go(func() { // idle on n2, because n1 leads
			if err := errors.Join(reconciler.Run(ctx), r.Shutdown().Error()); err != nil {
				fmt.Println(err)
			}
		})
	}
	all.Wait()
	// Output:
	// add n2 made
	// promote n2 made
}

// network is what connects the servers of the example: a Source and a Prober.
type network struct {
	locals     map[raft.ServerID]*peers.Local
	transports map[raft.ServerID]*raft.InmemTransport
	began      time.Time
}

func newNetwork() *network {
	return &network{map[raft.ServerID]*peers.Local{}, map[raft.ServerID]*raft.InmemTransport{}, time.Now()}
}

// View implements peers.Source. A real one asks gossip, DNS, or an orchestrator.
func (n *network) View(context.Context) (peers.View, error) {
	view := peers.View{Taken: time.Now(), Warm: true}
	for id, local := range n.locals {
		view.Members = append(view.Members, peers.Member{
			ID: id, Address: local.Reply().Address, Health: peers.Alive, Since: n.began,
		})
	}
	return view, nil
}

// Probe implements peers.Prober. A real one goes over the network.
func (n *network) Probe(_ context.Context, s raft.Server) (peers.Reply, error) {
	local, ok := n.locals[s.ID]
	if !ok {
		return peers.Reply{}, fmt.Errorf("nobody at %s", s.Address)
	}
	return local.Reply(), nil
}

// start runs raft, in memory, bootstrapped or blank.
func (n *network) start(id raft.ServerID, bootstrap bool) (*raft.Raft, error) {
	conf := raft.DefaultConfig()
	conf.LocalID, conf.Logger = id, hclog.NewNullLogger()
	conf.HeartbeatTimeout, conf.ElectionTimeout = 200*time.Millisecond, 200*time.Millisecond
	conf.LeaderLeaseTimeout = 200 * time.Millisecond
	address, transport := raft.NewInmemTransport(raft.ServerAddress(id + ":8300"))
	for other, t := range n.transports {
		t.Connect(address, transport)
		transport.Connect(n.locals[other].Reply().Address, t)
	}
	store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	if bootstrap {
		group := raft.Configuration{Servers: []raft.Server{{ID: id, Address: address}}}
		if err := raft.BootstrapCluster(conf, store, store, snaps, transport, group); err != nil {
			return nil, err
		}
	}
	r, err := raft.NewRaft(conf, noMachine{}, store, store, snaps, transport)
	n.locals[id], n.transports[id] = peers.NewLocal(id, address, "example"), transport
	return r, err
}

type noMachine struct{}

func (noMachine) Apply(*raft.Log) any                 { return nil }
func (noMachine) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.New("nothing to keep") }
func (noMachine) Restore(r io.ReadCloser) error       { return r.Close() }
