// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// snapshotDir has snapshots at the given indexes, taken by raft.FileSnapshotStore. The term
// of each is a tenth of its index.
func snapshotDir(t testing.TB, indexes ...uint64) string {
	t.Helper()
	dir := t.TempDir()
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, len(indexes)+1, hclog.NewNullLogger())
	require.NoError(t, err)
	_, trans := raft.NewInmemTransport("")
	conf := raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "10.0.0.1:8300"}}}
	for _, i := range indexes {
		sink, err := store.Create(raft.SnapshotVersionMax, i, i/10, conf, 1, trans)
		require.NoError(t, err)
		_, err = fmt.Fprintf(sink, "state at %d", i)
		require.NoError(t, err)
		require.NoError(t, sink.Close())
	}
	return dir
}

func snapshotsOf(t testing.TB, dir string) []Snapshot {
	t.Helper()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	list, err := d.Snapshots(t.Context(), "snapshots")
	require.NoError(t, err)
	return list
}

// What raft lists, we list, in its order, whatever lies beside it.
func TestSnapshotsAgreeWithRaft(t *testing.T) {
	dir := snapshotDir(t, 90, 100, 1000)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "snapshots", "200-2000-5.tmp"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snapshots", "file"), nil, 0o600))
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, 9, hclog.NewNullLogger())
	require.NoError(t, err)
	want, err := store.List()
	require.NoError(t, err)
	got := snapshotsOf(t, dir)
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i].Meta)
		require.Empty(t, got[i].Flaws)
		require.Equal(t, want[i].Size, got[i].Size)
		require.Len(t, got[i].CRC, 8)
	}
	require.Equal(t, uint64(1000), got[0].Meta.Index)
	require.Empty(t, snapshotsOf(t, t.TempDir()), "no directory, no snapshots")
}

// Each thing that may be wrong is said, and where.
func TestSnapshotFlaws(t *testing.T) {
	replace := func(old, with string) func(meta string) string {
		return func(meta string) string { return strings.Replace(meta, old, with, 1) }
	}
	for name, tc := range map[string]struct {
		change func(meta string) string
		want   string
		hidden bool // for raft, too
	}{
		"ID":         {replace(`"ID":"10-`, `"ID":"11-`), "raft may delete the wrong one", false},
		"key of ID":  {replace(`"ID"`, `"JD"`), `unknown field "JD"`, false},
		"index":      {replace(`"Index":100`, `"Index":104`), "term 10 and index 104; the name says 10 and 100", false},
		"size":       {replace(`"Size":12`, `"Size":13`), "state.bin has 12 bytes; this says 13", false},
		"list":       {replace(`"Configuration":`, `"Conbiguration":`), "no configuration", false},
		"list index": {replace(`"ConfigurationIndex":1`, `"ConfigurationIndex":101`), "configuration of entry 101", false},
		"checksum":   {replace(`"CRC":"`, `"CRC":"AAAA`), "a checksum of", false},
		"version":    {replace(`"Version":1`, `"Version":3`), "version 3; raft knows 0 to 1", true},
		"cut":        {func(m string) string { return m[:len(m)/2] }, "passes this snapshot over", true},
		"trailing":   {func(m string) string { return m + "{}" }, "bytes follow the value", false},
		"empty":      {func(string) string { return "" }, "EOF", true},
		"large":      {func(string) string { return strings.Repeat(" ", maxMeta+1) }, "at most 1048576 are read", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := snapshotDir(t, 100)
			file, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "meta.json"))
			require.NoError(t, err)
			meta := readFile(t, file[0])
			changed := tc.change(string(meta))
			require.NotEqual(t, string(meta), changed, "nothing was changed")
			require.NoError(t, os.WriteFile(file[0], []byte(changed), 0o600))
			got := snapshotsOf(t, dir)
			require.Len(t, got, 1)
			require.ErrorContains(t, errors.Join(got[0].Flaws...), tc.want)
			requirePlace(t, got[0].Flaws[0])
			require.Equal(t, tc.hidden, got[0].Meta == nil)
		})
	}
	dir := snapshotDir(t, 100)
	state, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "state.bin"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(state[0]))
	got := snapshotsOf(t, dir)
	require.NotEmpty(t, got[0].Flaws)
	require.Equal(t, int64(-1), got[0].Size)
}

// Of all single flipped bits of a meta.json that change what it means to raft, most are
// noticed without a checksum.
func TestSnapshotFlippedBits(t *testing.T) {
	dir := snapshotDir(t, 100)
	file, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "meta.json"))
	require.NoError(t, err)
	meta := readFile(t, file[0])
	good := snapshotsOf(t, dir)[0]
	want, err := json.Marshal(good.Meta)
	require.NoError(t, err)
	changed, noticed := 0, 0
	for bit := 0; bit < 8*len(meta); bit += 3 {
		bad := append([]byte(nil), meta...)
		bad[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, os.WriteFile(file[0], bad, 0o600))
		got := snapshotsOf(t, dir)[0]
		if got.Meta == nil {
			require.NotEmpty(t, got.Flaws)
			continue
		}
		means, err := json.Marshal(got.Meta)
		require.NoError(t, err)
		if string(means) != string(want) {
			changed++
			if len(got.Flaws) > 0 {
				noticed++
			}
		}
	}
	require.Greater(t, changed, 100)
	require.Greater(t, noticed*10, changed*5, "%d of %d", noticed, changed)
	t.Logf("%d of %d", noticed, changed)
}

// The newest are read when there are too many, and it is said.
func TestSnapshotsTooMany(t *testing.T) {
	dir := t.TempDir()
	for i := range maxSnapshots + 2 {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "snapshots", fmt.Sprintf("1-%d-5", i+1)), 0o700))
	}
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	list, err := d.Snapshots(t.Context(), "snapshots")
	require.ErrorContains(t, err, "202 snapshots")
	require.Len(t, list, maxSnapshots)
	require.Equal(t, "1-202-5", list[0].Name)
}
