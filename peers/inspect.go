// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/datadir"
)

// ErrInUse is what [Inspect] returns for the directory of a server that runs: ask the
// server instead, or look at a copy.
var ErrInUse = datadir.ErrInUse

// InspectConfig says where to look, below the directory, and with slashes. The zero value
// is right for Consul's raft/, Nomad's server/raft/ and OpenBao's raft/.
type InspectConfig struct {
	Bolt      string // a file of raft-boltdb; "": raft.db
	WAL       string // a directory of raft-wal, "." is possible; "": wal, and then "."
	Snapshots string // of raft.FileSnapshotStore; "": snapshots
	Peers     string // "": peers.json

	// Progress, if not nil, is called by Inspect itself, after each 4,096 entries of the
	// log. total is an estimate. While it runs, Inspect waits; its panic is the caller's.
	Progress func(read, total uint64)
}

func (c *InspectConfig) setDefaults() error {
	for _, f := range []struct {
		name  *string
		value string
	}{{&c.Bolt, "raft.db"}, {&c.WAL, "wal"}, {&c.Snapshots, "snapshots"}, {&c.Peers, "peers.json"}} {
		if *f.name == "" {
			*f.name = f.value
		}
		if !fs.ValidPath(*f.name) {
			return fmt.Errorf("%q is no path below the directory; use one with slashes and without dots", *f.name)
		}
	}
	return nil
}

// Inspect reads the data directory of one server that does not run: raft.db or a
// raft-wal, the metadata of the snapshots, and a peers.json that waits. It neither opens
// raft's stores nor calls raft, and it writes nothing.
//
// Damage is a Finding of the Node, and what can be read in spite of it is in the Node. An
// error means that it could not look: there is no such directory, there is nothing of a
// raft server in it, it belongs to a running server ([ErrInUse]), or ctx has ended. Inspect
// blocks while it reads: its time is that of reading the newest part of the log.
//
// The data of snapshots (state.bin) is not read.
func Inspect(ctx context.Context, dir string, config InspectConfig) (Node, error) {
	node, err := inspect(ctx, dir, config)
	if err != nil {
		return Node{}, fmt.Errorf("peers: inspect %s: %w", dir, err)
	}
	return node, nil
}

func inspect(ctx context.Context, name string, config InspectConfig) (Node, error) {
	if err := config.setDefaults(); err != nil {
		return Node{}, err
	}
	dir, err := datadir.OpenDir(filepath.Clean(name))
	if err != nil {
		return Node{}, err
	}
	defer func() { _ = dir.Close() }() // nothing was written to it
	in := inspection{ctx: ctx, config: config, dir: dir, node: Node{Dir: name}}
	log, err := in.open()
	if err != nil {
		return Node{}, err
	}
	if log != nil {
		defer func() { _ = log.Close() }()
	}
	steps := []func() error{in.snapshots, in.pending}
	if log != nil {
		steps = append(steps, func() error { return in.stable(log) }, func() error { return in.log(log) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return Node{}, err
		}
	}
	in.conclude()
	return in.node, nil
}

// inspection is one call of Inspect.
type inspection struct {
	ctx    context.Context
	config InspectConfig
	dir    *datadir.Dir
	node   Node

	last     Entry           // of the log
	ofLog    []Configuration // newest first
	snapshot *Configuration  // of the newest snapshot that raft would start from
	at       Entry           // where that one ends
	notes    notes
}

// open opens the store that a server would: those that moved from raft.db to a raft-wal
// go on with raft.db while there is one.
func (in *inspection) open() (datadir.Log, error) {
	bolt, wal := in.dir.Has(in.config.Bolt), ""
	for _, name := range []string{in.config.WAL, "."} {
		if wal == "" && in.dir.Has(path.Join(name, "wal-meta.db")) {
			wal = name
		}
	}
	if bolt && wal != "" {
		in.notes.add(InspectTwoStores, Warning, fmt.Sprintf("there are both %s and %s/wal-meta.db; %s was read", in.config.Bolt, wal, in.config.Bolt),
			"Consul and Nomad go on with raft.db while it is there; move aside what is not in use")
	}
	switch {
	case bolt:
		in.node.Store = in.config.Bolt
		log, err := in.dir.BoltLog(in.ctx, in.config.Bolt)
		return in.opened(log, err)
	case wal != "":
		in.node.Store = wal
		log, err := in.dir.WALLog(in.ctx, wal)
		return in.opened(log, err)
	case in.dir.Has(in.config.Snapshots) || in.dir.Has(in.config.Peers):
		in.notes.add(InspectNoStore, Warning, "there is neither a "+in.config.Bolt+" nor a raft-wal", "if this server ran before, it has lost its log and its vote")
		return nil, nil
	}
	return nil, fmt.Errorf("nothing of a raft server here: no %s, %s/wal-meta.db, wal-meta.db, %s or %s; is it the directory above, or below?",
		in.config.Bolt, in.config.WAL, in.config.Snapshots, in.config.Peers)
}

// opened makes a finding of a store that is too damaged to be opened: there may be
// snapshots, and they count. It takes care not to return a nil pointer as a Log.
func (in *inspection) opened(log datadir.Log, err error) (datadir.Log, error) {
	if err == nil {
		for _, note := range log.Notes() {
			in.notes.add(InspectTorn, Warning, note.Error(), "copy the directory before the server starts again")
		}
		return log, nil
	}
	if damaged(err) {
		in.notes.add(InspectDamaged, Critical, err.Error(), "copy the directory before anything else; this server cannot start from it")
		in.node.HasState = true // whoever has a store had a term
		return nil, nil
	}
	return nil, err
}

// damaged reports whether err is about what is in a file, and not about getting at it.
func damaged(err error) bool {
	var what *datadir.Error
	return errors.As(err, &what) && !errors.Is(err, ErrInUse) && !errors.Is(err, datadir.ErrNotRegular)
}

func (in *inspection) stable(log datadir.Log) error {
	stable, err := log.Stable(in.ctx)
	if in.ctx.Err() != nil {
		return in.ctx.Err()
	}
	if err != nil {
		in.notes.add(InspectDamaged, Critical, "term and vote: "+err.Error(), "a server that has forgotten its vote may vote twice; let it rejoin with an empty directory")
	}
	in.node.Term, in.node.VoteTerm, in.node.Voted = stable.Term, stable.VoteTerm, raft.ServerID(stable.Vote)
	return nil
}
