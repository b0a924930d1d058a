// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// walDirs are directories that raft-wal wrote.
const walDirs = "../internal/datadir/testdata/wal"

// dataDir is a directory in the making, and what is in it.
type dataDir struct {
	t     testing.TB
	path  string
	logs  *raftboltdb.BoltStore
	snaps *raft.FileSnapshotStore
}

func newDataDir(t testing.TB) *dataDir {
	t.Helper()
	d := &dataDir{t: t, path: t.TempDir()}
	var err error
	d.logs, err = raftboltdb.New(raftboltdb.Options{Path: d.file("raft.db"), NoSync: true, BoltOptions: &bbolt.Options{NoSync: true, NoGrowSync: true}})
	require.NoError(t, err)
	d.snaps, err = raft.NewFileSnapshotStoreWithLogger(d.path, 3, hclog.NewNullLogger())
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.logs.Close() }) // again, as a rule
	return d
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) write(name, content string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(d.file(name), []byte(content), 0o600))
}

// entries appends entries from index on.
func (d *dataDir) entries(index, term uint64, n int, confs ...raft.Configuration) {
	d.t.Helper()
	var batch []*raft.Log
	for range n {
		batch = append(batch, &raft.Log{Index: index, Term: term, Data: []byte("data")})
		index++
	}
	for _, c := range confs {
		batch = append(batch, &raft.Log{Index: index, Term: term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(c)})
		index++
	}
	require.NoError(d.t, d.logs.StoreLogs(batch))
}

func (d *dataDir) stable(term, voteTerm uint64, vote string) {
	d.t.Helper()
	require.NoError(d.t, d.logs.SetUint64([]byte("CurrentTerm"), term))
	require.NoError(d.t, d.logs.SetUint64([]byte("LastVoteTerm"), voteTerm))
	require.NoError(d.t, d.logs.Set([]byte("LastVoteCand"), []byte(vote)))
}

func (d *dataDir) snapshot(index, term, confIndex uint64, c raft.Configuration) {
	d.t.Helper()
	_, trans := raft.NewInmemTransport("")
	sink, err := d.snaps.Create(raft.SnapshotVersionMax, index, term, c, confIndex, trans)
	require.NoError(d.t, err)
	_, err = sink.Write([]byte("state"))
	require.NoError(d.t, err)
	require.NoError(d.t, sink.Close())
}

// inspect closes the stores and looks.
func (d *dataDir) inspect() Node {
	d.t.Helper()
	require.NoError(d.t, d.logs.Close())
	n, err := Inspect(d.t.Context(), d.path, InspectConfig{})
	require.NoError(d.t, err)
	return n
}

// voters is a list of voters n1, n2 and so on.
func voters(ids ...int) (c raft.Configuration) {
	for _, i := range ids {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(fmt.Sprintf("n%d", i)), Address: raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", i))})
	}
	return c
}

func readBack(index, term uint64, c raft.Configuration) Configuration {
	return Configuration{Index: index, Term: term, Servers: c.Servers, Digest: DigestOf(c.Servers)}
}

func codes(n Node) (all []Code) {
	for _, f := range n.Findings {
		all = append(all, f.Code)
	}
	return all
}

// tree is a hash over the names, sizes, times and contents of all files.
func tree(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		fmt.Fprintln(h, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		if e.Type().IsRegular() {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			_, _ = h.Write(b) // a hash never fails
		}
		return nil
	}))
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestGuarantee21_ReadsAWholeDirectory(t *testing.T) {
	d := newDataDir(t)
	d.entries(1, 1, 0, voters(1))
	d.entries(2, 1, 98)
	d.entries(100, 2, 0, voters(1, 2))
	d.entries(101, 2, 50)
	d.snapshot(90, 1, 1, voters(1))
	d.snapshot(120, 2, 100, voters(1, 2))
	d.entries(151, 3, 10, voters(1, 2, 3))
	d.entries(162, 3, 3)
	require.NoError(t, d.logs.DeleteRange(1, 30))
	d.stable(4, 3, "10.0.0.2:8300")
	d.write("peers.json", `["10.0.0.1:8300", "10.0.0.2:8300"]`)
	n := d.inspect()

	require.True(t, n.HasState)
	require.Equal(t, "raft.db", n.Store)
	require.Equal(t, uint64(4), n.Term)
	require.Equal(t, uint64(3), n.VoteTerm)
	require.Equal(t, raft.ServerID("10.0.0.2:8300"), n.Voted)
	require.Equal(t, Entry{3, 164}, n.Last)
	require.Equal(t, uint64(31), n.FirstLog)
	require.Equal(t, uint64(134), n.Read)
	require.Equal(t, []Configuration{readBack(100, 2, voters(1, 2)), readBack(161, 3, voters(1, 2, 3))}, n.Configs)
	require.Len(t, n.Snapshots, 2)
	require.Equal(t, Entry{2, 120}, n.Snapshots[0].Entry)
	require.Equal(t, uint64(100), n.Snapshots[0].ConfigIndex)
	require.WithinDuration(t, time.Now(), n.Snapshots[0].Taken, time.Minute)
	require.False(t, n.Peers.IsZero())
	require.Equal(t, []Code{InspectPending}, codes(n))
}

// Over random histories, the list that a node goes by is the one that raft would find, and
// so are first and last entry.
func TestGuarantee21_RandomHistories(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 21))
		d := newDataDir(t)
		var want []Configuration // all there were
		var at Entry             // the newest snapshot
		last, first, term := uint64(0), uint64(1), uint64(1)
		for range 2 + rng.IntN(25) {
			switch rng.IntN(5) {
			case 0:
				c := voters(1, 2+rng.IntN(5))
				d.entries(last+1, term, 0, c)
				last++
				want = append(want, readBack(last, term, c))
			case 1:
				term++
			case 2:
				if len(want) > 0 && last > at.Index && last > want[len(want)-1].Index {
					at = Entry{term, last}
					d.snapshot(last, term, want[len(want)-1].Index, raft.Configuration{Servers: want[len(want)-1].Servers})
					if to := first + rng.Uint64N(last-first+1); rng.IntN(2) == 0 && to <= last {
						require.NoError(t, d.logs.DeleteRange(first, to))
						first = to + 1
					}
				}
			default:
				n := 1 + rng.IntN(40)
				d.entries(last+1, term, n)
				last += uint64(n)
			}
		}
		d.stable(term, 0, "")
		n := d.inspect()
		if last > 0 {
			require.Equal(t, last, n.Last.Index, "seed %d", seed)
		}
		if first <= last {
			require.Equal(t, first, n.FirstLog)
			require.Equal(t, last-first+1, n.Read)
		}
		if len(want) == 0 {
			require.Empty(t, n.Configs)
			continue
		}
		// What is compacted away is gone, but for the list that the snapshot holds.
		var kept []Configuration
		for i, c := range want {
			held := at.Index > 0 && c.Index <= at.Index && (i+1 == len(want) || want[i+1].Index > at.Index)
			if c.Index < first && held {
				c.Term = 0
			}
			if c.Index >= first || held {
				kept = append(kept, c)
			}
		}
		require.Equal(t, kept, n.Configs, "seed %d", seed)
		require.NotContains(t, codes(n), InspectDamaged)
		require.NotContains(t, codes(n), InspectGap)
	}
}

// Directories of raft-wal, in wal/ as Consul and Nomad have it, or at the top.
func TestGuarantee21_RaftWAL(t *testing.T) {
	for _, below := range []string{"wal", "."} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, below), 0o700))
		require.NoError(t, os.CopyFS(filepath.Join(dir, below), os.DirFS(walDirs+"/compacted")))
		n, err := Inspect(t.Context(), dir, InspectConfig{})
		require.NoError(t, err)
		require.Equal(t, below, n.Store)
		require.Equal(t, uint64(5), n.Term)
		require.Equal(t, raft.ServerID("10.0.0.1:8300"), n.Voted)
		require.Equal(t, Entry{5, 100}, n.Last)
		require.Equal(t, uint64(34), n.FirstLog)
		require.Equal(t, []Configuration{readBack(40, 2, voters(1, 2))}, n.Configs)
		require.Empty(t, n.Findings)
	}
	// Cut at its end and then closed, this one can no longer be read by raft-wal v0.4.0.
	n, err := Inspect(t.Context(), walDirs+"/cut", InspectConfig{})
	require.NoError(t, err)
	require.Equal(t, []Configuration{readBack(1, 1, voters(1, 2, 3)), readBack(40, 2, voters(1, 2))}, n.Configs)
	require.Equal(t, uint64(70), n.Read)
}

// Looking changes nothing: not a byte, not a time, not a name; also not in a damaged one.
func TestGuarantee21_WritesNothing(t *testing.T) {
	d := newDataDir(t)
	d.entries(1, 1, 300, voters(1, 2))
	d.snapshot(200, 1, 1, voters(1, 2))
	d.stable(1, 1, "n1")
	d.write("peers.json", `["10.0.0.1:8300"]`)
	require.NoError(t, os.CopyFS(d.file("wal"), os.DirFS(walDirs+"/cut")))
	require.NoError(t, d.logs.Close())

	damaged, blank := t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(damaged, os.DirFS(d.path)))
	require.NoError(t, os.Truncate(filepath.Join(damaged, "raft.db"), 20_000))
	require.NoError(t, os.WriteFile(filepath.Join(blank, "peers.json"), []byte("["), 0o400))
	for _, dir := range []string{d.path, damaged, blank, walDirs + "/plain", walDirs + "/cut", walDirs + "/empty"} {
		before := tree(t, dir)
		_, err := Inspect(t.Context(), dir, InspectConfig{})
		require.NoError(t, err)
		require.Equal(t, before, tree(t, dir), dir)
	}
}

// A directory in use is said to be so within a second, and it is looked into when the
// server has stopped.
func TestGuarantee21_InUse(t *testing.T) {
	d := newDataDir(t)
	d.entries(1, 1, 3)
	wal := t.TempDir()
	require.NoError(t, os.CopyFS(wal, os.DirFS(walDirs+"/plain")))
	meta, err := bbolt.Open(filepath.Join(wal, "wal-meta.db"), 0o600, nil)
	require.NoError(t, err)
	for _, dir := range []string{d.path, wal} {
		started := time.Now()
		_, err := Inspect(t.Context(), dir, InspectConfig{})
		require.ErrorIs(t, err, ErrInUse)
		require.ErrorContains(t, err, dir)
		require.Less(t, time.Since(started), time.Second)
	}
	require.NoError(t, meta.Close())
	require.NoError(t, d.logs.Close())
	for _, dir := range []string{d.path, wal} {
		_, err := Inspect(t.Context(), dir, InspectConfig{})
		require.NoError(t, err)
	}
}

// raft's own recovery leaves a snapshot that holds the new list at index 1, and no log.
func TestInspectAfterRecovery(t *testing.T) {
	d := newDataDir(t)
	conf := raft.DefaultConfig()
	conf.LocalID, conf.Logger = "n1", hclog.NewNullLogger()
	_, trans := raft.NewInmemTransport("10.0.0.1:8300")
	require.NoError(t, raft.BootstrapCluster(conf, d.logs, d.logs, d.snaps, trans, voters(1, 2, 3)))
	d.entries(2, 2, 10, voters(1, 2, 3, 4))
	require.NoError(t, raft.RecoverCluster(conf, &raft.MockFSM{}, d.logs, d.logs, d.snaps, trans, voters(1)))
	n := d.inspect()
	require.Equal(t, Entry{2, 12}, n.Last)
	require.Equal(t, []Configuration{readBack(1, 0, voters(1))}, n.Configs)
	require.Zero(t, n.FirstLog)

	// If it died before it emptied the log, the snapshot still counts, as it does for raft.
	d = newDataDir(t)
	d.entries(1, 1, 0, voters(1, 2, 3))
	d.entries(2, 2, 10, voters(1, 2, 3, 4))
	d.stable(2, 2, "")
	d.snapshot(12, 2, 1, voters(1))
	n = d.inspect()
	require.Equal(t, readBack(1, 0, voters(1)), n.Configs[len(n.Configs)-1])
	require.Equal(t, readBack(12, 2, voters(1, 2, 3, 4)), n.Configs[len(n.Configs)-2])
	require.Contains(t, codes(n), InspectConflict)
}

// What is wrong is said, by a code that a program can go by.
func TestInspectFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(d *dataDir)
		want Code
	}{
		"two stores": {func(d *dataDir) {
			require.NoError(t, os.CopyFS(d.file("wal"), os.DirFS(walDirs+"/plain")))
		}, InspectTwoStores},
		"no store": {func(d *dataDir) {
			require.NoError(t, d.logs.Close())
			require.NoError(t, os.Remove(d.file("raft.db")))
		}, InspectNoStore},
		"gap": {func(d *dataDir) {
			d.entries(1, 1, 5, voters(1))
			d.entries(8, 1, 5)
		}, InspectGap},
		"gap after the snapshot": {func(d *dataDir) {
			d.snapshot(5, 1, 1, voters(1))
			d.entries(8, 1, 5)
		}, InspectGap},
		"falling terms": {func(d *dataDir) {
			d.entries(1, 3, 5, voters(1))
			d.entries(7, 2, 5)
			d.stable(3, 0, "")
		}, InspectTerms},
		"term behind the log": {func(d *dataDir) {
			d.entries(1, 3, 5, voters(1))
			d.stable(2, 0, "")
		}, InspectTerms},
		"no list": {func(d *dataDir) { d.entries(1, 1, 5) }, InspectNoList},
		"conflict": {func(d *dataDir) {
			d.entries(1, 1, 0, voters(1))
			d.entries(2, 1, 5)
			d.snapshot(5, 1, 1, voters(2))
		}, InspectConflict},
		"snapshot": {func(d *dataDir) {
			d.snapshot(5, 1, 1, voters(1))
			state, err := filepath.Glob(d.file("snapshots/*/state.bin"))
			require.NoError(t, err)
			require.NoError(t, os.Truncate(state[0], 2))
		}, InspectSnapshot},
		"peers.json": {func(d *dataDir) { d.write("peers.json", `[{"id":"n1","addr":"10.0.0.1:8300"}]`) }, InspectPeersFile},
		"not a configuration": {func(d *dataDir) {
			require.NoError(t, d.logs.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: []byte{0xff}}))
		}, InspectDamaged},
		"not an entry": {func(d *dataDir) {
			d.entries(1, 1, 5, voters(1))
			require.NoError(t, d.logs.Close())
			db, err := bbolt.Open(d.file("raft.db"), 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("logs")).Put([]byte{0, 0, 0, 0, 0, 0, 0, 3}, []byte("garbage"))
			}))
			require.NoError(t, db.Close())
		}, InspectDamaged},
		"not raft.db": {func(d *dataDir) {
			require.NoError(t, d.logs.Close())
			d.write("raft.db", "what?")
		}, InspectDamaged},
		"one meta page": {func(d *dataDir) {
			d.entries(1, 1, 500, voters(1))
			require.NoError(t, d.logs.Close())
			b, err := os.ReadFile(d.file("raft.db"))
			require.NoError(t, err)
			b[20] ^= 1
			d.write("raft.db", string(b))
		}, InspectTorn},
		"term of two bytes": {func(d *dataDir) { require.NoError(t, d.logs.Set([]byte("CurrentTerm"), []byte{1, 2})) }, InspectDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDataDir(t)
			tc.make(d)
			n := d.inspect()
			require.Contains(t, codes(n), tc.want)
			require.True(t, slices.IsSortedFunc(n.Findings, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) }))
		})
	}
}

// Where it cannot look, it says so, and what to do.
func TestInspectErrors(t *testing.T) {
	_, err := Inspect(t.Context(), filepath.Join(t.TempDir(), "missing"), InspectConfig{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Inspect(t.Context(), t.TempDir(), InspectConfig{})
	require.ErrorContains(t, err, "is it the directory above, or below?")
	d := newDataDir(t)
	require.NoError(t, d.logs.Close())
	_, err = Inspect(t.Context(), d.path, InspectConfig{Bolt: "../raft.db"})
	require.ErrorContains(t, err, "no path below the directory")
	require.NoError(t, os.Rename(d.file("raft.db"), d.file("other.db")))
	require.NoError(t, os.Symlink("other.db", d.file("raft.db")))
	_, err = Inspect(t.Context(), d.path, InspectConfig{})
	require.ErrorContains(t, err, "raft.db: is a symbolic link")
	n, err := Inspect(t.Context(), d.path, InspectConfig{Bolt: "other.db"})
	require.NoError(t, err)
	require.Equal(t, "other.db", n.Store)
	require.False(t, n.HasState)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Inspect(ctx, d.path, InspectConfig{Bolt: "other.db"})
	require.ErrorIs(t, err, context.Canceled)
}

// Of a long log only the newest part is read: enough for the current list and the one
// before it. The entry of the bootstrap is read in any case.
func TestInspectLongLog(t *testing.T) {
	d := newDataDir(t)
	d.entries(1, 1, 0, voters(1))
	d.entries(2, 1, 3_000)
	d.entries(3_002, 1, 0, voters(1, 2))
	d.entries(3_003, 1, 0, voters(1, 2, 3))
	d.entries(3_004, 1, inspectAll+progressEvery)
	d.stable(1, 0, "")
	var calls []uint64
	require.NoError(t, d.logs.Close())
	n, err := Inspect(t.Context(), d.path, InspectConfig{Progress: func(read, total uint64) {
		calls = append(calls, read)
		require.Equal(t, uint64(3_003+inspectAll+progressEvery), total)
	}})
	require.NoError(t, err)
	require.Equal(t, []Code{InspectPartial}, codes(n))
	require.Equal(t, uint64(inspectAll+progressEvery+2), n.Read, "both lists, and no more")
	require.Len(t, calls, 9)
	require.Equal(t, []Configuration{readBack(1, 1, voters(1)), readBack(3_002, 1, voters(1, 2)), readBack(3_003, 1, voters(1, 2, 3))}, n.Configs)
	require.Equal(t, uint64(1), n.FirstLog)
}

// Whatever is broken, Inspect comes back, and says something.
func TestInspectSurvivesDamage(t *testing.T) {
	d := newDataDir(t)
	d.entries(1, 1, 0, voters(1))
	d.entries(2, 1, 300)
	d.snapshot(200, 1, 1, voters(1))
	d.stable(1, 1, "n1")
	require.NoError(t, d.logs.Close())
	rng := rand.New(rand.NewPCG(2, 1))
	var files []string
	require.NoError(t, filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		if e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	said := 0
	for range 150 {
		path := files[rng.IntN(len(files))]
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		bad := append([]byte(nil), good...)
		if at := rng.IntN(len(bad)); rng.IntN(2) == 0 {
			bad = bad[:at]
		} else {
			for i := range min(64, len(bad)-at) {
				bad[at+i] = byte(rng.Uint32())
			}
		}
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		n, err := Inspect(ctx, d.path, InspectConfig{})
		cancel()
		require.NoError(t, err)
		if len(n.Findings) > 0 {
			said++
		}
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
	require.Greater(t, said, 75)
}
