// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/raft"
)

// Snapshot is one directory of raft.FileSnapshotStore.
type Snapshot struct {
	Name string // of the directory; raft names it <term>-<index>-<milliseconds>

	// Meta is what meta.json says, whether or not it is true. It is nil if raft itself
	// would pass the snapshot over.
	Meta *raft.SnapshotMeta
	CRC  []byte // CRC-64/ECMA of state.bin, big-endian
	Size int64  // of state.bin; -1: there is none

	// Flaws are what is wrong with it. state.bin itself is not read.
	Flaws []error
}

// Snapshots lists a snapshot directory, newest first as raft orders them; those without a
// Meta come last. A directory that is missing holds none. Names that raft gives to
// snapshots in the making are left out, and so are files. A directory with more than
// maxSnapshots is listed up to there, with an error.
func (d *Dir) Snapshots(ctx context.Context, name string) ([]Snapshot, error) {
	list, err := d.Names(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range list {
		// os.ReadDir's entries are not followed: for raft, a link is no snapshot either.
		if entry.IsDir() && !strings.HasSuffix(entry.Name(), ".tmp") {
			names = append(names, entry.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return -compareNames(a, b) })
	if len(names) > maxSnapshots {
		err = &Error{name, -1, fmt.Sprintf("%d snapshots; the newest %d are read", len(names), maxSnapshots), nil}
		names = names[:maxSnapshots]
	}
	var found []Snapshot
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found = append(found, d.snapshot(name, n))
	}
	slices.SortStableFunc(found, func(a, b Snapshot) int { return -compareSnapshots(a, b) })
	return found, err
}

// maxSnapshots is far more than any server retains.
const maxSnapshots = 200

// compareNames orders by term and index as numbers. Names that are not raft's are least.
func compareNames(a, b string) int {
	termA, indexA, _ := parseName(a)
	termB, indexB, _ := parseName(b)
	return cmp.Or(cmp.Compare(termA, termB), cmp.Compare(indexA, indexB), cmp.Compare(a, b))
}

// compareSnapshots orders as raft does (file_snapshot.go, snapMetaSlice.Less).
func compareSnapshots(a, b Snapshot) int {
	switch {
	case a.Meta == nil && b.Meta == nil:
		return 0
	case a.Meta == nil:
		return -1
	case b.Meta == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Meta.Term, b.Meta.Term), cmp.Compare(a.Meta.Index, b.Meta.Index), cmp.Compare(a.Meta.ID, b.Meta.ID))
}

// parseName is lenient about the third part: it was an RFC 3339 time once (consul#318).
func parseName(name string) (term, index uint64, ok bool) {
	parts := strings.SplitN(name, "-", 3)
	if len(parts) < 3 {
		return 0, 0, false
	}
	term, errTerm := strconv.ParseUint(parts[0], 10, 64)
	index, errIndex := strconv.ParseUint(parts[1], 10, 64)
	if errTerm != nil || errIndex != nil {
		return 0, 0, false
	}
	return term, index, true
}
