// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// keyCurrentTerm is raft's, which does not export it (raft.go).
var keyCurrentTerm = []byte("CurrentTerm")

// read finds out what the stores and the peers.json hold, and lets Local say it. It only
// reads: raft.GetConfiguration, which would do the same, writes the term, restores
// the state machine, and leaves a raft.Config behind with which raft never starts
// (api.go, skipStartup).
func (b *boot) read(ctx context.Context) error {
	has, err := raft.HasExistingState(b.Logs, b.Stable, b.Snaps)
	if err != nil {
		return fmt.Errorf("peers: boot: is there state? %w", err)
	}
	var s onDisk
	if has {
		if s, err = readStores(ctx, b.Logs, b.Stable, b.Snaps); err != nil {
			return fmt.Errorf("peers: boot: %w", err)
		}
	}
	if b.pending, err = readPending(b.Dir, b.Local.server(), b.AllowSingle); err != nil {
		return fmt.Errorf("peers: boot: %w", err)
	}
	forced := b.Dir != "" && s.forced()
	if forced {
		s.conf.Digest = DigestOf(s.conf.Servers)
		if forced, err = recovered(b.Dir, s.conf); err != nil {
			return fmt.Errorf("peers: boot: was there a recovery? %w", err)
		}
	}
	b.Local.hold(b.Logs, forced)
	b.Local.update(func(r *Reply) {
		r.HasState, r.Expect = has, b.Expect
		r.Term, r.LastTerm, r.LastIndex = s.term, s.last.Term, s.last.Index
		r.Servers, r.ConfigIndex = s.conf.Servers, s.conf.Index
		r.Recovery = b.pending.digest()
	})
	return nil
}

// onDisk is what the stores hold.
type onDisk struct {
	term     uint64
	last     Entry
	conf     Configuration // the newest
	snapshot bool          // conf is that of the newest snapshot
}

// forced reports whether the list looks like that of a recovery: raft.RecoverCluster says
// that it is of index 1, whatever was there (api.go). So does a cluster that never changed.
func (s onDisk) forced() bool { return s.snapshot && s.conf.Index == 1 && s.last.Index > 1 }

func readStores(ctx context.Context, logs raft.LogStore, stable raft.StableStore, snaps raft.SnapshotStore) (s onDisk, err error) {
	s.term, _ = stable.GetUint64(keyCurrentTerm) // HasExistingState has read it: an error is "not found"
	list, err := snaps.List()
	if err != nil {
		return s, fmt.Errorf("list the snapshots: %w", err)
	}
	if len(list) > 0 {
		newest := list[0]
		s.last = Entry{newest.Term, newest.Index}
		s.conf = Configuration{Index: newest.ConfigurationIndex, Servers: newest.Configuration.Servers}
		s.snapshot = true
	}
	return s, s.readLog(ctx, logs)
}

// readLog looks for what is newer than the snapshot, as raft does when it starts.
func (s *onDisk) readLog(ctx context.Context, logs raft.LogStore) error {
	first, err := logs.FirstIndex()
	if err != nil {
		return fmt.Errorf("first index of the log: %w", err)
	}
	last, err := logs.LastIndex()
	if err != nil {
		return fmt.Errorf("last index of the log: %w", err)
	}
	after := s.last.Index
	for i := last; i > after && i >= first && i > 0; i-- {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading the log at index %d: %w", i, context.Cause(ctx))
		}
		var entry raft.Log
		if err := logs.GetLog(i, &entry); err != nil {
			return fmt.Errorf("entry %d of the log: %w", i, err)
		}
		if i == last {
			s.last = Entry{entry.Term, entry.Index}
		}
		if entry.Type == raft.LogConfiguration {
			conf, err := decodeConfiguration(entry.Data)
			if err != nil {
				return fmt.Errorf("entry %d of the log: %w", i, err)
			}
			s.conf, s.snapshot = Configuration{Index: i, Term: entry.Term, Servers: conf.Servers}, false
			return nil
		}
	}
	return nil
}
