// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/raft"
)

// end is where the state of a server ends, as its stores say.
type end struct {
	snaps             raft.SnapshotStore
	metas             []*raft.SnapshotMeta // newest first
	logFirst, logLast uint64               // 0: the log is empty
	last              Entry
}

func readEnd(logs raft.LogStore, snaps raft.SnapshotStore) (end, error) {
	e := end{snaps: snaps}
	var err error
	if e.metas, err = snaps.List(); err != nil {
		return e, fmt.Errorf("list the snapshots: %w", err)
	}
	if len(e.metas) > 0 {
		e.last = Entry{Term: e.metas[0].Term, Index: e.metas[0].Index}
	}
	if e.logFirst, err = logs.FirstIndex(); err != nil {
		return e, fmt.Errorf("first index of the log: %w", err)
	}
	if e.logLast, err = logs.LastIndex(); err != nil {
		return e, fmt.Errorf("last index of the log: %w", err)
	}
	if e.logLast <= e.last.Index {
		return e, nil
	}
	var entry raft.Log
	if err := logs.GetLog(e.logLast, &entry); err != nil {
		return e, fmt.Errorf("entry %d of the log: %w", e.logLast, err)
	}
	e.last = Entry{Term: entry.Term, Index: entry.Index}
	return e, nil
}

// holds is nil if raft would start with exactly servers and with all up to last.
//
// RecoverCluster returning nil does not mean that: of snapshots of one term and index,
// FileSnapshotStore.List puts first the one with the latest time in its name
// (file_snapshot.go, snapMetaSlice.Less), so after a clock was set back the old one, with
// the old list, is the newest.
func (e end) holds(servers []raft.Server, last Entry) error {
	taken := func(m *raft.SnapshotMeta) bool {
		return m.ConfigurationIndex == 1 && slices.Equal(m.Configuration.Servers, servers) && m.Index == last.Index && m.Term == last.Term
	}
	switch {
	case len(e.metas) == 0:
		return fmt.Errorf("%w: there is no snapshot", ErrNotTaken)
	case !taken(e.metas[0]) && slices.ContainsFunc(e.metas, taken):
		return fmt.Errorf("%w: its snapshot is not the newest, %s is: the clock was set back; set it right, beyond the time in that name, and run this again",
			ErrNotTaken, e.metas[0].ID)
	case !taken(e.metas[0]):
		m := e.metas[0]
		return fmt.Errorf("%w: the newest snapshot, %s, holds list %s of index %d up to term %d, index %d, instead of list %s up to term %d, index %d; if that was there before, the clock was set back: set it right and run this again",
			ErrNotTaken, m.ID, DigestOf(m.Configuration.Servers), m.ConfigurationIndex, m.Term, m.Index, DigestOf(servers), last.Term, last.Index)
	}
	return e.opens(e.metas[0].ID)
}

// opens reads the snapshot to its end: a store that checks sums does so on the way.
func (e end) opens(id string) (err error) {
	_, source, err := e.snaps.Open(id)
	if err != nil {
		return fmt.Errorf("%w: the new snapshot %s does not open: %w", ErrNotTaken, id, err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if _, err := io.Copy(io.Discard, source); err != nil {
		return fmt.Errorf("%w: the new snapshot %s cannot be read: %w", ErrNotTaken, id, err)
	}
	return nil
}
