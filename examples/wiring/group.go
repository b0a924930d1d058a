// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"io"

	"github.com/hashicorp/raft"
)

// start makes a raft group of one server, in memory: yours has a disk, a
// network and peers.
func start(conf *raft.Config) (*raft.Raft, error) {
	addr, trans := raft.NewInmemTransport("")
	store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	group := raft.Configuration{Servers: []raft.Server{{ID: conf.LocalID, Address: addr}}}
	if err := raft.BootstrapCluster(conf, store, store, snaps, trans, group); err != nil {
		return nil, err
	}
	return raft.NewRaft(conf, empty{}, store, store, snaps, trans)
}

// empty is a state machine without state.
type empty struct{}

func (empty) Apply(*raft.Log) any                 { return nil }
func (empty) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.New("nothing to keep") }
func (empty) Restore(r io.ReadCloser) error       { return r.Close() }
