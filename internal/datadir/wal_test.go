// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// walWant is what raft-wal itself read of a directory. See testdata/wal/main.go.txt.
type walWant struct {
	First, Last uint64
	Entries     []raft.Log
}

func openWAL(t testing.TB, dir string) *WALLog {
	t.Helper()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	l, err := d.WALLog(t.Context(), ".")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// Directories that raft-wal v0.4.0 wrote: we read what it read when it still had them open.
func TestWALAgreesWithRaftWAL(t *testing.T) {
	for _, name := range []string{"empty", "plain", "compacted", "cut", "installed"} {
		t.Run(name, func(t *testing.T) {
			var want walWant
			require.NoError(t, json.Unmarshal(readFile(t, "testdata/wal", name+".json"), &want))
			l := openWAL(t, filepath.Join("testdata/wal", name))
			got := collect(t, l, false)
			require.Equal(t, want.Entries, got)
			back := collect(t, l, true)
			require.Len(t, back, len(got))
			for i := range back {
				require.Equal(t, got[i], back[len(back)-1-i])
			}
			if len(got) > 0 {
				require.Equal(t, want.First, got[0].Index)
				require.Equal(t, want.Last, got[len(got)-1].Index)
				for e, err := range l.Ascend(t.Context(), 45) {
					require.NoError(t, err)
					require.Equal(t, uint64(45), e.Index)
					break
				}
			}
			stable, err := l.Stable(t.Context())
			require.NoError(t, err)
			if name != "empty" {
				require.Equal(t, Stable{5, 5, []byte("10.0.0.1:8300")}, stable)
			}
		})
	}
}

// segmentOf writes a segment as raft-wal does, to be compared with what is read.
func segmentOf(rng *rand.Rand, entries int, sealed bool) (b []byte, starts []uint32, index uint64) {
	le := binary.LittleEndian
	b = le.AppendUint64(b, segmentMagic)
	b = le.AppendUint64(b, 1)
	b = le.AppendUint64(b, 0)
	b = le.AppendUint64(b, binaryCodec)
	frame := func(kind byte, payload []byte) {
		b = le.AppendUint32(b, uint32(kind))
		b = le.AppendUint32(b, uint32(len(payload)))
		b = append(b, payload...)
		b = append(b, make([]byte, -len(payload)&7)...)
	}
	from := 0
	for len(starts) < entries {
		for range 1 + rng.IntN(5) {
			if len(starts) == entries {
				break
			}
			l := entry(rng, uint64(len(starts)+1))
			starts = append(starts, uint32(len(b)))
			var p []byte
			for _, n := range []uint64{l.Index, l.Term, uint64(l.Type), uint64(len(l.Data))} {
				p = binary.AppendUvarint(p, n)
			}
			p = binary.AppendUvarint(append(p, l.Data...), uint64(len(l.Extensions)))
			at, _ := l.AppendedAt.MarshalBinary() // UTC: no error
			frame(frameEntry, append(append(p, l.Extensions...), at...))
		}
		if sealed && len(starts) == entries {
			index = uint64(len(b)) + frameHeader
			var p []byte
			for _, s := range starts {
				p = le.AppendUint32(p, s)
			}
			frame(frameIndex, p)
		}
		sum := crcOf(b[from:])
		b = le.AppendUint32(b, frameCommit)
		b = le.AppendUint32(b, sum)
		from = len(b)
	}
	return append(b, make([]byte, 64)...), starts, index
}

func crcOf(b []byte) uint32 {
	w := window{ctx: context.Background(), source: sourceOf(b)}
	sum, _ := w.sum(0, int64(len(b))) // in memory: no error
	return sum
}

func sourceOf(b []byte) source { return source{"segment.wal", bytes.NewReader(b), int64(len(b))} }

// logOf opens one segment that is in memory.
func logOf(ctx context.Context, b []byte, info segmentInfo) (*segment, error) {
	s := &segment{file: &file{source: sourceOf(b)}, info: info}
	found, err := readFrames(ctx, s.file.source)
	if err != nil {
		return nil, err
	}
	errs := found.damage
	if info.sealed() {
		errs = append(errs, s.seal(found))
	} else {
		s.tail(found)
	}
	return s, errors.Join(append(errs, checkHeader(s.file.source, info))...)
}

func TestSegmentsOfAllSizes(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		n := 1 + rng.IntN(60)
		b, starts, index := segmentOf(rng, n, seed%2 == 0)
		info := segmentInfo{BaseIndex: 1, MinIndex: 1, Codec: binaryCodec}
		if seed%2 == 0 {
			info.IndexStart, info.MaxIndex, info.SealTime = index, uint64(n), sealTime
		}
		s, err := logOf(t.Context(), b, info)
		require.NoError(t, err)
		require.Equal(t, starts, s.offsets)
		require.Equal(t, uint64(n), s.last)
		for i := uint64(1); i <= s.last; i++ {
			e, err := s.entry(i)
			require.NoError(t, err)
			require.Equal(t, i, e.Index)
		}
	}
}

// raft-wal drops a last batch that fails its checksum, and nothing else. So do we, and we
// say it; a batch before it that fails is said, too.
func TestSegmentTornTail(t *testing.T) {
	b, starts, _ := segmentOf(rand.New(rand.NewPCG(4, 4)), 30, false)
	whole, err := readFrames(t.Context(), sourceOf(b))
	require.NoError(t, err)
	require.Equal(t, 30, whole.committed)
	require.Zero(t, whole.dropped)

	last := append([]byte(nil), b...)
	last[starts[29]+frameHeader+3] ^= 1
	f, err := readFrames(t.Context(), sourceOf(last))
	require.NoError(t, err)
	require.Len(t, f.damage, 1)
	require.Positive(t, f.dropped)
	s, err := logOf(t.Context(), last, segmentInfo{BaseIndex: 1, MinIndex: 1, Codec: binaryCodec})
	require.ErrorContains(t, err, "fails its checksum")
	require.Equal(t, uint64(30-f.dropped), s.last)

	first := append([]byte(nil), b...)
	first[starts[0]+frameHeader+3] ^= 1
	s, err = logOf(t.Context(), first, segmentInfo{BaseIndex: 1, MinIndex: 1, Codec: binaryCodec})
	require.ErrorContains(t, err, "fails its checksum")
	require.Equal(t, uint64(30), s.last, "raft-wal keeps it")

	// Without its commit, the last batch never happened.
	cut, err := logOf(t.Context(), b[:starts[29]+frameHeader+4], segmentInfo{BaseIndex: 1, MinIndex: 1, Codec: binaryCodec})
	require.Error(t, err)
	require.Less(t, cut.last, uint64(30))
}

// A segment that is sealed is read by its index, as raft-wal reads it, and one that
// disagrees with the frames is said to.
func TestSegmentIndexDisagrees(t *testing.T) {
	b, _, index := segmentOf(rand.New(rand.NewPCG(5, 4)), 10, true)
	info := segmentInfo{BaseIndex: 1, MinIndex: 1, MaxIndex: 10, IndexStart: index, Codec: binaryCodec, SealTime: sealTime}
	b[index+4] ^= 8
	_, err := logOf(t.Context(), b, info)
	require.ErrorContains(t, err, "the index says")
	info.IndexStart = 1 << 63
	s, err := logOf(t.Context(), b, info)
	require.ErrorContains(t, err, "lies outside")
	require.Equal(t, uint64(10), s.last, "the frames tell")
	info.IndexStart, info.MaxIndex = 0, 12
	s, err = logOf(t.Context(), b, info)
	require.ErrorContains(t, err, "wal-meta.db counts 12")
	require.Equal(t, uint64(10), s.last)
}

func TestDecodeBinaryRefuses(t *testing.T) {
	good := append([]byte{7, 3, 0, 2, 'h', 'i', 0}, []byte("\x01\x00\x00\x00\x0e\xdc\xe5\xe8\x00\x00\x00\x00\x05\x00\x00")...)
	var l raft.Log
	require.NoError(t, decodeBinary(good, &l))
	require.Equal(t, "hi", string(l.Data))
	for n := range good {
		require.Error(t, decodeBinary(good[:n], &l), "%d bytes", n)
	}
	// raft-wal v0.4.0 panics on this one.
	require.ErrorContains(t, decodeBinary(bytes.Repeat([]byte{0xff}, 20), &l), "64 bits")
	require.ErrorContains(t, decodeBinary([]byte{7, 3, 0x80, 2}, &l), "type 256")
	require.ErrorContains(t, decodeBinary([]byte{7, 3, 0, 99, 1}, &l), "too early")
}

// The list of segments is not believed either.
func TestSegmentListFlaws(t *testing.T) {
	ok := segmentInfo{BaseIndex: 1, MinIndex: 1, MaxIndex: 9, Codec: binaryCodec, SealTime: sealTime}
	tail := segmentInfo{BaseIndex: 10, MinIndex: 10, Codec: binaryCodec}
	require.Empty(t, ok.flaw(nil, false))
	require.Empty(t, tail.flaw([]segmentInfo{ok}, true))
	for want, change := range map[string]func(*segmentInfo){
		"codec 7":         func(i *segmentInfo) { i.Codec = 7 },
		"base index 0":    func(i *segmentInfo) { i.BaseIndex = 0 },
		"base index 92":   func(i *segmentInfo) { i.BaseIndex = 1<<63 | 9; i.MinIndex = 1<<63 | 9 },
		"least index 8":   func(i *segmentInfo) { i.MinIndex = 8 },
		"is not sealed":   func(i *segmentInfo) { i.SealTime = sealTime },
		"ends at 9":       func(i *segmentInfo) { i.BaseIndex, i.MinIndex = 11, 11 },
		"begins at 9 aft": func(i *segmentInfo) { i.BaseIndex, i.MinIndex = 9, 9 },
	} {
		bad := tail
		change(&bad)
		require.Contains(t, bad.flaw([]segmentInfo{ok}, true), want)
	}
	huge := ok
	huge.MaxIndex = 1 << 40
	require.Contains(t, huge.flaw(nil, false), "entries 1 to")
}

// Every truncation, and flipped bits, of each file of a raft-wal.
func TestWALSurvivesDamage(t *testing.T) {
	damageWAL(t, 60, 37)
}

func damageWAL(t *testing.T, flips, stride int) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, name := range []string{"plain", "cut"} {
		files, err := os.ReadDir(filepath.Join("testdata/wal", name))
		require.NoError(t, err)
		for _, f := range files {
			b := readFile(t, "testdata/wal", name, f.Name())
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata/wal", name))))
			target := filepath.Join(dir, f.Name())
			for n := 0; n < len(b); n += stride + stride*9*len(b)/(len(b)+40_000) {
				require.NoError(t, os.WriteFile(target, b[:n], 0o600))
				surviveWAL(t, dir)
			}
			for range flips {
				damaged := append([]byte(nil), b...)
				for range 1 + rng.IntN(3) {
					damaged[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
				}
				harm(rng, damaged, 1024)
				require.NoError(t, os.WriteFile(target, damaged, 0o600))
				surviveWAL(t, dir)
			}
		}
	}
}

func surviveWAL(t *testing.T, dir string) (flaws int) {
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	var l *WALLog
	defer func() {
		if l != nil {
			require.NoError(t, l.Close())
		}
	}()
	_, flaws = survive(t, 128<<10, func(ctx context.Context) (Log, error) {
		var err error
		if l, err = d.WALLog(ctx, "."); err != nil {
			return nil, err
		}
		return l, nil
	})
	return flaws
}

// A segment that is gone is said to be, and the others are read.
func TestWALSegmentMissing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/wal/plain")))
	require.NoError(t, os.Remove(filepath.Join(dir, "00000000000000000036-0000000000000001.wal")))
	var said error
	n := 0
	for _, err := range openWAL(t, dir).Ascend(t.Context(), 0) {
		said = errors.Join(said, err)
		n++
	}
	require.ErrorContains(t, said, "00000000000000000036-0000000000000001.wal: a segment that wal-meta.db lists")
	requirePlace(t, said)
	require.Equal(t, 100-35+1, n)
}

// Wherever an entry of the tail is flipped, something is said.
func TestWALFlipsAreSaid(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/wal/plain")))
	for name, used := range map[string]int{"00000000000000000001-0000000000000000.wal": 2300, "00000000000000000071-0000000000000002.wal": 1500} {
		b := readFile(t, dir, name)
		for at := 0; at < used; at += 11 {
			b[at] ^= 4
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
			flaws := surviveWAL(t, dir)
			require.Positive(t, flaws, "byte %d of %s", at, name)
			b[at] ^= 4
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
}
