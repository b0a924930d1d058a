// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
)

// smallBolt is a raft.db of a few pages of 1 KiB, with branch, leaf and overflow pages.
func smallBolt(t testing.TB, entries int) []byte {
	t.Helper()
	dir := boltDir(t, 1024, func(s *raftboltdb.BoltStore) {
		for i := 1; i <= entries; i++ {
			l := &raft.Log{Index: uint64(i), Term: 1, Data: []byte(fmt.Sprintf("entry %d", i)), AppendedAt: time.Unix(int64(i), 0)}
			if i%9 == 0 {
				l.Data = make([]byte, 1500)
			}
			require.NoError(t, s.StoreLog(l))
		}
		require.NoError(t, s.SetUint64([]byte("CurrentTerm"), 1))
	})
	return readFile(t, dir, "raft.db")
}

// survive reads all there is, in both directions, and holds the reader to its promises:
// no panic, an end, bounded memory, and only errors that say where.
func survive(t testing.TB, size int, open func(ctx context.Context) (Log, error)) (entries, flaws int) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	entries, flaws = readAll(t, size, open)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*size+16<<20))
	return entries, flaws
}

// readAll is survive without a look at the memory, which would slow a fuzzer down.
func readAll(t testing.TB, size int, open func(ctx context.Context) (Log, error)) (entries, flaws int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	l, err := open(ctx)
	if err != nil {
		requirePlace(t, err)
		return 0, 1
	}
	_, err = l.Stable(ctx)
	for _, err := range append(l.Notes(), err) {
		if err != nil {
			requirePlace(t, err)
			flaws++
		}
	}
	limit := 4*size + 64 // an element takes 16 bytes, and a page may be wrong in a few ways
	for _, walk := range []func(func(Entry, error) bool){l.Ascend(ctx, 0), l.Descend(ctx)} {
		steps := 0
		for _, err := range walk {
			if steps++; steps > limit {
				t.Fatalf("%d steps over %d bytes", steps, size)
			}
			if entries++; err != nil {
				requirePlace(t, err)
				entries, flaws = entries-1, flaws+1
			}
		}
	}
	require.NoError(t, ctx.Err(), "too slow")
	return entries, flaws
}

// requirePlace wants a file in every error.
func requirePlace(t testing.TB, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.File == "" || e.Reason == "" {
		t.Fatalf("an error without a place: %v", err)
	}
}

func surviveBolt(t testing.TB, b []byte) (entries, flaws int) {
	t.Helper()
	return survive(t, len(b), inMemory(b))
}

func inMemory(b []byte) func(ctx context.Context) (Log, error) {
	return func(ctx context.Context) (Log, error) {
		l, err := memory(ctx, b)
		if err != nil {
			return nil, err
		}
		return l, nil
	}
}

// However short a file was cut, what is left is read or said to be missing.
func TestBoltEveryTruncation(t *testing.T) {
	b := smallBolt(t, 60)
	whole, flaws := surviveBolt(t, b)
	require.Equal(t, 2*60, whole)
	require.Zero(t, flaws)
	for n := range b {
		if n > 4096 && n%1024 > 2 && n%37 > 0 {
			continue // the middle of a page that is gone anyway
		}
		_, flaws := surviveBolt(t, b[:n])
		require.Positive(t, flaws, "cut to %d bytes, and nothing was said", n)
	}
}

// Flipped bits, pages of garbage, pages of zeros and swapped pages.
func TestBoltSurvivesDamage(t *testing.T) {
	b := smallBolt(t, 60)
	damageBolt(t, b, 800)
}

func damageBolt(t testing.TB, b []byte, rounds int) {
	rng := rand.New(rand.NewPCG(1, 2))
	noticed := 0
	for range rounds {
		damaged := append([]byte(nil), b...)
		for range 1 + rng.IntN(3) {
			harm(rng, damaged, 1024)
		}
		if _, flaws := surviveBolt(t, damaged); flaws > 0 {
			noticed++
		}
	}
	require.Greater(t, noticed, rounds/4)
}

// harm damages a page of b, mostly in its header or its elements, where it hurts.
func harm(rng *rand.Rand, b []byte, page int) {
	at := rng.IntN(len(b)/page) * page
	p := b[at : at+page]
	switch rng.IntN(6) {
	case 0:
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
	case 1:
		clear(p)
	case 2:
		copy(p, b[rng.IntN(len(b)/page)*page:][:page])
	case 3: // another number in an element or a header
		binary.LittleEndian.PutUint32(p[rng.IntN(32)*4:], []uint32{0, 1, 2, 3, 0xffff, 1 << 31, 1<<32 - 1, rng.Uint32N(64)}[rng.IntN(8)])
	default:
		p[rng.IntN(128)] ^= 1 << rng.IntN(8)
	}
}

// bbolt v1.4.3 never returns from a walk over such a file: a branch that points to
// itself. See the package comment.
func TestBoltKnot(t *testing.T) {
	b := smallBolt(t, 200)
	page := branchOf(t, b)
	for i := range 3 { // more branches than one, so that it is met again from elsewhere
		binary.LittleEndian.PutUint64(b[page*1024+headerSize+i*elementSize+8:], uint64(page))
	}
	_, flaws := surviveBolt(t, b)
	require.Positive(t, flaws)
	l, err := memory(t.Context(), b)
	require.NoError(t, err)
	var said error
	for _, err := range l.Ascend(t.Context(), 0) {
		said = errors.Join(said, err)
	}
	require.ErrorContains(t, said, "was met before")
}

// branchOf is the number of a branch page in use.
func branchOf(t testing.TB, b []byte) int {
	t.Helper()
	l, err := memory(t.Context(), b)
	require.NoError(t, err)
	var p page
	_, err = p.open(l.bolt, l.logs.root, nil)
	require.NoError(t, err)
	require.True(t, p.branch)
	require.GreaterOrEqual(t, p.count, 3)
	return int(l.logs.root)
}

// Of two valid meta pages the newer one counts, and of one valid one that.
func TestBoltMetaPages(t *testing.T) {
	b := smallBolt(t, 60)
	newer := 0
	if binary.LittleEndian.Uint64(b[1024+64:]) > binary.LittleEndian.Uint64(b[64:]) {
		newer = 1
	}
	older := append([]byte(nil), b...)
	older[newer*1024+headerSize+24] ^= 1 // only the checksum notices
	l, err := memory(t.Context(), older)
	require.NoError(t, err)
	require.Len(t, l.Notes(), 1)
	stable, err := l.Stable(t.Context())
	require.NoError(t, err)
	require.Zero(t, stable.Term, "the transaction before set no term")

	l, err = memory(t.Context(), b)
	require.NoError(t, err)
	require.Empty(t, l.Notes())
	stable, err = l.Stable(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(1), stable.Term)

	older[(1-newer)*1024+headerSize+24] ^= 1
	_, err = memory(t.Context(), older)
	require.ErrorContains(t, err, "both of its meta pages are damaged")
}

// An entry whose key was changed is out of order, and says so itself.
func TestBoltKeysOutOfOrder(t *testing.T) {
	b := smallBolt(t, 60)
	l, err := memory(t.Context(), b)
	require.NoError(t, err)
	var at int64
	for pair, err := range l.logs.Ascend(t.Context(), binary.BigEndian.AppendUint64(nil, 20)) {
		require.NoError(t, err)
		at = pair.Offset - 1 // the last byte of its key
		break
	}
	b[at] = 7
	var said error
	n := 0
	for _, err := range l.Ascend(t.Context(), 0) {
		n++
		said = errors.Join(said, err)
	}
	require.Equal(t, 60, n, "the others are still there")
	require.ErrorContains(t, said, "out of order")
	said = nil
	for _, err := range l.Descend(t.Context()) {
		said = errors.Join(said, err)
	}
	require.ErrorContains(t, said, "out of order")
}

// A value that would lie beyond its page is another page's bytes.
func TestBoltElementOutsideOfItsPage(t *testing.T) {
	b := smallBolt(t, 60)
	l, err := memory(t.Context(), b)
	require.NoError(t, err)
	var last Pair
	for pair, err := range l.logs.Descend(t.Context()) {
		require.NoError(t, err)
		last = pair
		break
	}
	element := last.page.off + headerSize + int64(last.page.count-1)*elementSize
	binary.LittleEndian.PutUint32(b[element+12:], uint32(last.Size)+1024)
	var said error
	for _, err := range l.Descend(t.Context()) {
		said = errors.Join(said, err)
	}
	require.ErrorContains(t, said, "lies outside of its page")
}

// A walk ends with its context.
func TestWalkEndsWithContext(t *testing.T) {
	l, err := memory(t.Context(), smallBolt(t, 200))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps, ended := 0, error(nil)
	for _, err := range l.Ascend(ctx, 0) {
		cancel()
		steps++
		ended = err
	}
	require.ErrorIs(t, ended, context.Canceled)
	require.Less(t, steps, 100)
}

func TestMsgpackRefuses(t *testing.T) {
	good := []byte("\x86\xaaAppendedAt\xaf\x01\x00\x00\x00\x0e\xdc\xe5\xe8\x00\x00\x00\x00\x05\x00\x00\xa4Data\xa2hi\xaaExtensions\xc0\xa5Index\x07\xa4Term\x03\xa4Type\x00")
	var l raft.Log
	require.NoError(t, decodeMsgpack(good, &l))
	require.Equal(t, uint64(7), l.Index)
	require.Equal(t, uint64(3), l.Term)
	require.Equal(t, "hi", string(l.Data))
	for n := range good {
		require.Error(t, decodeMsgpack(good[:n], &l), "%d bytes", n)
	}
	for what, bad := range map[string]string{
		"follow":        string(good) + "\x00",
		"twice":         "\x85\xa4Data\xa0\xa5Index\x07\xa4Term\x03\xa4Type\x00\xa5Index\x08",
		"missing":       "\x83\xa4Data\xa0\xa5Index\x07\xa4Term\x03",
		"type 256":      "\x84\xa4Data\xa0\xa5Index\x07\xa4Term\x03\xa4Type\xcd\x01\x00",
		"no number":     "\x84\xa4Data\xa0\xa5Index\xff\xa4Term\x03\xa4Type\x00",
		"are missing":   "\x84\xa4Data\xc6\xff\xff\xff\xff",
		"a small map":   "\x95",
		"no bytes":      "\x84\xa4Data\x05",
		"nanoseconds":   "\x85\xaaAppendedAt\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"value where":   "\x81\xa3New\x91\x91\x91\x91\x91\x91\x91\x01",
		"invalid":       "\x81\xaaAppendedAt\xc7\x03\xff\x01\x02\x03",
		"no timestamp":  "\x81\xaaAppendedAt\xd6\x01\x01\x02\x03\x04",
		"AppendedAt":    "\x81\xaaAppendedAt\xa1x",
		"key is there ": "\x82\xa4Data\xa0\xa4Data\xa0",
	} {
		require.ErrorContains(t, decodeMsgpack([]byte(bad), &l), what)
	}
	later := "\x8a\xa4Data\xa0\xa5Index\x07\xa4Term\x03\xa4Type\x00\xa1a\x92\x01\xc3\xa1b\x81\xa1x\xcb12345678\xa1c\xd8\x011234567812345678\xa1d\xcd\x01\x01\xa1e\xca1234\xa1f\xc5\x00\x01x"
	require.NoError(t, decodeMsgpack([]byte(later), &l), "fields of a later raft")
}
