// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A segment of raft-wal, all little-endian (segment/format.go):
//
//	header 0 magic u32 | 4 zeros | 7 version, 0 | 8 base index u64 | 16 id u64 | 24 codec u64
//	frame  0 type u8 | 1 zeros | 4 length u32, or the checksum of a commit | 8 payload, zeros to a multiple of 8
//
// Frames are entries (1), the index of a sealed segment (2) and commits (3); zeros end it.
// A commit's CRC-32C is over all bytes since the commit before it, for the first one
// with the header.
const (
	segmentMagic  = 0x58eb6b0d
	segmentHeader = 32
	frameHeader   = 8

	frameEntry  = 1
	frameIndex  = 2
	frameCommit = 3
)

// frames is what one pass over a segment found.
type frames struct {
	offsets   []uint32 // of the frames of entries
	committed int      // entries before the last commit; the others were never acknowledged
	dropped   int      // entries of a last batch that raft-wal drops when it opens the segment
	index     int64    // of the array in the index frame; 0: none
	damage    []error
}

// checkHeader compares the header with what wal-meta.db says.
func checkHeader(s source, info segmentInfo) error {
	var h [segmentHeader]byte
	if err := s.read(h[:], 0); err != nil {
		return err
	}
	le := binary.LittleEndian
	switch {
	case le.Uint64(h[:]) != segmentMagic:
		return s.fail(0, "not a segment of raft-wal, or of another version")
	case le.Uint64(h[8:]) != info.BaseIndex || le.Uint64(h[16:]) != info.ID:
		return s.fail(8, "segment %d with base index %d; want %d with %d", le.Uint64(h[16:]), le.Uint64(h[8:]), info.ID, info.BaseIndex)
	case le.Uint64(h[24:]) != info.Codec:
		return s.fail(24, "codec %d; wal-meta.db says %d", le.Uint64(h[24:]), info.Codec)
	}
	return nil
}

// readFrames passes over a segment once, and checks each commit. It stops where raft-wal's
// recovery does (segment/writer.go, readThroughSegment): at zeros, at the end, or at a
// frame that is none. An entry takes at least 16 bytes of the file, and 4 here.
func readFrames(ctx context.Context, s source) (f frames, err error) {
	w, from, before, torn := window{ctx: ctx, source: s}, int64(0), 0, false
	for off := int64(segmentHeader); off+frameHeader <= s.size; {
		h, err := w.bytes(off, frameHeader)
		if err != nil {
			return f, err
		}
		kind, n, word := h[0], int64(binary.LittleEndian.Uint32(h[4:])), binary.LittleEndian.Uint64(h)
		next := off + frameHeader
		if kind != 0 && h[1]|h[2]|h[3] != 0 { // no checksum covers the frame of a commit
			f.damage = append(f.damage, s.fail(off+1, "a frame whose spare bytes are not zero"))
		}
		switch {
		case word == 0:
			return f.end(s, before, torn), nil
		case kind == frameCommit:
			sum, err := w.sum(from, off)
			if err != nil {
				return f, err
			}
			if torn = int64(sum) != n; torn {
				f.damage = append(f.damage, s.fail(off, "the batch of entries %d to %d of the segment fails its checksum", f.committed+1, len(f.offsets)))
			}
			before, f.committed, from = f.committed, len(f.offsets), next
		case kind == frameIndex:
			f.index, next = next, next+pad(n)
		case kind == frameEntry && n > 0 && n <= maxValue && next+n <= s.size && off <= math.MaxUint32:
			f.offsets, next = append(f.offsets, uint32(off)), next+pad(n)
		default:
			f.damage = append(f.damage, s.fail(off, "not a frame (type %d, length %d); %d entries before it are committed", kind, n, f.committed))
			return f.end(s, before, torn), nil
		}
		off = next
	}
	return f.end(s, before, torn), nil
}

// end decides on the last batch as raft-wal does: it is dropped if it fails its checksum,
// unless entries follow, which shows that it was complete once. One without a commit is
// dropped, too. That is what a write leaves that was cut short, and also a flipped bit in
// the length of an entry that was acknowledged: it cannot be told which.
func (f frames) end(s source, before int, torn bool) frames {
	if n := len(f.offsets) - f.committed; n > 0 {
		f.damage = append(f.damage, s.fail(int64(f.offsets[f.committed]), "raft-wal drops the last %d entries or more, as they have no commit: a write was cut short, or this is damage", n))
	} else if torn {
		f.dropped = f.committed - before
	}
	return f
}

func pad(n int64) int64 { return (n + 7) &^ 7 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// window reads a file that is gone through from its beginning to its end.
type window struct {
	source
	ctx context.Context
	off int64
	buf []byte
}

// bytes are at most 8 bytes, valid until the next call.
func (w *window) bytes(off, n int64) ([]byte, error) {
	if off < w.off || off+n > w.off+int64(len(w.buf)) {
		if err := w.load(off); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:][:n], nil
}

func (w *window) load(off int64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.buf == nil {
		w.buf = make([]byte, min(256<<10, w.size))
	}
	w.off, w.buf = off, w.buf[:min(int64(cap(w.buf)), w.size-off)]
	return w.read(w.buf, off)
}

// sum is the CRC-32C of a range.
func (w *window) sum(from, to int64) (sum uint32, err error) {
	for off := from; off < to; {
		if off < w.off || off >= w.off+int64(len(w.buf)) {
			if err := w.load(off); err != nil {
				return 0, err
			}
		}
		b := w.buf[off-w.off:]
		b = b[:min(int64(len(b)), to-off)]
		sum = crc32.Update(sum, castagnoli, b)
		off += int64(len(b))
	}
	return sum, nil
}
