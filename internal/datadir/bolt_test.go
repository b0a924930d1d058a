// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// boltDir makes a directory with a raft.db, written by raft-boltdb in do.
func boltDir(t testing.TB, pageSize int, do func(s *raftboltdb.BoltStore)) string {
	t.Helper()
	dir := t.TempDir()
	s, err := raftboltdb.New(raftboltdb.Options{
		Path: filepath.Join(dir, "raft.db"), NoSync: true,
		BoltOptions: &bbolt.Options{PageSize: pageSize, NoSync: true, NoGrowSync: true},
	})
	require.NoError(t, err)
	do(s)
	require.NoError(t, s.Close())
	return dir
}

// entry is a random entry.
func entry(rng *rand.Rand, index uint64) *raft.Log {
	l := &raft.Log{Index: index, Term: 1 + index/50, Type: raft.LogType(rng.IntN(6))}
	size := rng.IntN(200)
	if rng.IntN(20) == 0 {
		size = rng.IntN(200_000) // pages that overflow
	}
	l.Data = make([]byte, size)
	for i := range l.Data {
		l.Data[i] = byte(rng.Uint32())
	}
	if rng.IntN(3) == 0 {
		l.Extensions = []byte{1, 2, 3}
	}
	if rng.IntN(5) > 0 {
		l.AppendedAt = time.Unix(rng.Int64N(1<<33), rng.Int64N(1e9)).UTC()
	}
	return l
}

// history appends, compacts and truncates at random.
func history(t testing.TB, rng *rand.Rand, s *raftboltdb.BoltStore, steps int) {
	t.Helper()
	first, last := uint64(1), uint64(0)
	for range steps {
		switch n := last - first + 1; {
		case rng.IntN(6) == 0 && n > 10:
			to := first + rng.Uint64N(n/2)
			require.NoError(t, s.DeleteRange(first, to))
			first = to + 1
		case rng.IntN(6) == 0 && n > 10:
			from := last - rng.Uint64N(n/2)
			require.NoError(t, s.DeleteRange(from, last))
			last = from - 1
		default:
			var batch []*raft.Log
			for range 1 + rng.IntN(60) {
				last++
				batch = append(batch, entry(rng, last))
			}
			require.NoError(t, s.StoreLogs(batch))
		}
	}
}

// collect reads all entries; an error is one of the test.
func collect(t testing.TB, l Log, back bool) (all []raft.Log) {
	t.Helper()
	walk := l.Ascend(t.Context(), 0)
	if back {
		walk = l.Descend(t.Context())
	}
	for e, err := range walk {
		require.NoError(t, err)
		require.Equal(t, e.Key, e.Index)
		e.Data, e.Extensions = bytes.Clone(e.Data), bytes.Clone(e.Extensions)
		all = append(all, e.Log)
	}
	return all
}

func openBoltLog(t testing.TB, dir string) *BoltLog {
	t.Helper()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	l, err := d.BoltLog(t.Context(), "raft.db")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	require.Empty(t, l.Notes())
	return l
}

// What raft-boltdb reads of a directory, we read: same first, same last, same entries.
func TestBoltAgreesWithRaftBoltDB(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		page := []int{1024, 4096, 16384, 65536}[seed%4]
		dir := boltDir(t, page, func(s *raftboltdb.BoltStore) {
			history(t, rng, s, int(seed)*3)
			if seed%3 > 0 {
				require.NoError(t, s.SetUint64([]byte("CurrentTerm"), seed))
				require.NoError(t, s.SetUint64([]byte("LastVoteTerm"), seed-1))
				require.NoError(t, s.Set([]byte("LastVoteCand"), []byte("somebody")))
			}
		})
		want, first, last := raftBoltDB(t, dir)
		l := openBoltLog(t, dir)
		got := collect(t, l, false)
		require.Equal(t, want, got)
		if len(got) > 0 {
			require.Equal(t, first, got[0].Index)
			require.Equal(t, last, got[len(got)-1].Index)
		}
		back := collect(t, l, true)
		require.Len(t, back, len(got))
		for i := range back {
			require.Equal(t, got[i], back[len(back)-1-i])
		}
		for i := 0; i < len(got); i += 7 {
			for e, err := range l.Ascend(t.Context(), got[i].Index) {
				require.NoError(t, err)
				require.Equal(t, got[i].Index, e.Index)
				break
			}
		}
		stable, err := l.Stable(t.Context())
		require.NoError(t, err)
		if seed%3 > 0 {
			require.Equal(t, Stable{seed, seed - 1, []byte("somebody")}, stable)
		} else {
			require.Zero(t, stable)
		}
	}
}

// raftBoltDB reads a directory with raft-boltdb.
func raftBoltDB(t testing.TB, dir string) (all []raft.Log, first, last uint64) {
	t.Helper()
	s, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(dir, "raft.db"), BoltOptions: &bbolt.Options{ReadOnly: true}})
	require.NoError(t, err)
	first, err = s.FirstIndex()
	require.NoError(t, err)
	last, err = s.LastIndex()
	require.NoError(t, err)
	for i := first; i <= last && i > 0; i++ {
		var l raft.Log
		require.NoError(t, s.GetLog(i, &l))
		if len(l.Data) == 0 {
			l.Data = []byte{}
		}
		if !l.AppendedAt.IsZero() {
			l.AppendedAt = l.AppendedAt.UTC()
		}
		all = append(all, l)
	}
	require.NoError(t, s.Close())
	return all, first, last
}

// An entry in either form of time reads the same.
func TestMsgpackTimes(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(5, 0).UTC(), time.Unix(1<<33, 7).UTC(), time.Unix(1<<35, 7).UTC()} {
		for _, newFormat := range []bool{false, true} {
			dir := t.TempDir()
			s, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(dir, "raft.db"), NoSync: true, MsgpackUseNewTimeFormat: newFormat})
			require.NoError(t, err)
			require.NoError(t, s.StoreLog(&raft.Log{Index: 1, Term: 1, Data: []byte("x"), AppendedAt: at}))
			require.NoError(t, s.Close())
			got := collect(t, openBoltLog(t, dir), false)
			require.Len(t, got, 1)
			require.True(t, at.Equal(got[0].AppendedAt), "%v, new format %v: %v", at, newFormat, got[0].AppendedAt)
		}
	}
}

// A file that was made and never written to by raft is an empty log.
func TestBoltBlank(t *testing.T) {
	dir := t.TempDir()
	db, err := bbolt.Open(filepath.Join(dir, "raft.db"), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	l := openBoltLog(t, dir)
	require.Empty(t, collect(t, l, false))
	require.Empty(t, collect(t, l, true))
	s, err := l.Stable(t.Context())
	require.NoError(t, err)
	require.Zero(t, s)
}

// memory opens a raft.db that is in memory.
func memory(ctx context.Context, b []byte) (*BoltLog, error) {
	s := source{"raft.db", bytes.NewReader(b), int64(len(b))}
	bolt, err := readBolt(s)
	if err != nil {
		return nil, err
	}
	l := &BoltLog{file: &file{source: s}, bolt: bolt}
	if l.logs, err = bolt.Bucket(ctx, "logs"); err == nil {
		l.conf, err = bolt.Bucket(ctx, "conf")
	}
	return l, err
}

func readFile(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return b
}

func Example() {
	d, err := OpenDir("testdata/wal/cut")
	if err != nil {
		panic(err)
	}
	defer func() { _ = d.Close() }()
	l, err := d.WALLog(context.Background(), ".")
	if err != nil {
		panic(err)
	}
	defer func() { _ = l.Close() }()
	for e, err := range l.Descend(context.Background()) {
		fmt.Println(e.Index, e.Term, e.Type, err)
		break
	}
	// Output: 70 3 LogCommand <nil>
}
