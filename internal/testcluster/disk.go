// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// disk is what survives a crash of a server.
type disk struct {
	dir string // "": in memory

	logs   raft.LogStore
	stable raft.StableStore
	snaps  raft.SnapshotStore
	bolt   *raftboltdb.BoltStore // nil in memory, and while the server is down
}

// open makes the stores ready for an incarnation. In memory they are the ones
// of the last time.
func (d *disk) open(conf *raft.Config) error {
	if d.dir == "" {
		if d.logs == nil {
			store := raft.NewInmemStore()
			d.logs, d.stable, d.snaps = store, store, &memorySnapshots{}
		}
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return fmt.Errorf("testcluster: make the server's directory: %w", err)
	}
	snaps, err := raft.NewFileSnapshotStoreWithLogger(d.dir, keptSnapshots, conf.Logger)
	if err != nil {
		return fmt.Errorf("testcluster: open snapshots in %s: %w", d.dir, err)
	}
	// NoSync: the processes of this cluster crash, its machine does not, and
	// an fsync costs real time while the virtual clock stands still.
	bolt, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(d.dir, "raft.db"), NoSync: true})
	if err != nil {
		return fmt.Errorf("testcluster: open log in %s: %w", d.dir, err)
	}
	d.bolt, d.logs, d.stable, d.snaps = bolt, bolt, bolt, snaps
	return nil
}

// close gives the files back. Nobody may use the stores any more.
func (d *disk) close() error {
	if d.bolt == nil {
		return nil
	}
	bolt := d.bolt
	d.bolt, d.logs, d.stable, d.snaps = nil, nil, nil, nil
	return bolt.Close()
}

// wipe blanks the closed disk.
func (d *disk) wipe() error {
	d.logs, d.stable, d.snaps = nil, nil, nil
	if d.dir == "" {
		return nil
	}
	return errors.Join(
		os.RemoveAll(filepath.Join(d.dir, "raft.db")),
		os.RemoveAll(filepath.Join(d.dir, "snapshots")),
	)
}
