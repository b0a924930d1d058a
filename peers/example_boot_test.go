// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/hashicorp/raft"
	"github.com/raftkeel/raftkeel/peers"
)

// Before raft starts, the boot check says what may be done with the stores: here a new
// server makes a cluster of its own, as bootstrap-expect 1 asks for.
func ExampleBoot() {
	ctx := context.Background()
	me := peers.NewLocal("n1", "127.0.0.1:8300", "blue")
	server := httptest.NewServer(me) // it answers others from here on
	defer server.Close()

	store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	_, trans := raft.NewInmemTransport("127.0.0.1:8300")
	source := peers.StaticSource{Members: []peers.Member{{ID: "n1", Address: "127.0.0.1:8300", Health: peers.Alive}}}
	prober := peers.NewHTTPProber(http.DefaultClient, func(raft.Server) string { return server.URL + peers.ProbePath })

	verdict, err := peers.Boot(ctx, peers.BootConfig{
		Local: me, Logs: store, Stable: store, Snaps: snaps, Source: source, Prober: prober, Expect: 1,
	})
	fmt.Println(err)
	fmt.Print(verdict)

	conf := raft.DefaultConfig()
	conf.LocalID = "n1"
	err = verdict.Act(ctx, conf, func() raft.FSM { return words{} }, store, store, snaps, trans)
	fmt.Println(err)
	fmt.Println("has state:", me.Reply().HasState) // now raft.NewRaft

	// Output:
	// <nil>
	// bootstrap: the 1 that are expected are blank and agree on list d85861391f80
	// <nil>
	// has state: true
}

// words is a state machine.
type words struct{}

func (words) Apply(*raft.Log) any                 { return nil }
func (words) Snapshot() (raft.FSMSnapshot, error) { return nil, raft.ErrNothingNewToSnapshot }
func (words) Restore(r io.ReadCloser) error       { return r.Close() }
