// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"
	"slices"
)

// WALLog is a directory of raft-wal: wal-meta.db, and segments of entries.
type WALLog struct {
	dir      *Dir
	name     string
	file     *file // wal-meta.db, locked
	bolt     *Bolt
	segments []segmentInfo
}

// WALLog opens a directory of raft-wal, "." being d itself. It is fs.ErrNotExist if there
// is no wal-meta.db, and ErrInUse if it is open elsewhere. The log uses d until it is closed.
func (d *Dir) WALLog(ctx context.Context, name string) (*WALLog, error) {
	f, bolt, err := d.openBolt(join(name, "wal-meta.db"))
	if err != nil {
		return nil, err
	}
	segments, err := readSegments(ctx, bolt)
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, err
	}
	return &WALLog{d, name, f, bolt, segments}, nil
}

// Close gives up wal-meta.db and its lock.
func (l *WALLog) Close() error { return l.file.Close() }

// Notes are those of wal-meta.db.
func (l *WALLog) Notes() []error { return l.bolt.Notes }

// Stable reads the bucket "stable". Numbers are little-endian there (wal.go, SetUint64).
func (l *WALLog) Stable(ctx context.Context) (Stable, error) {
	k, err := l.bolt.Bucket(ctx, "stable")
	if err != nil {
		return Stable{}, err
	}
	return readStable(ctx, k, binary.LittleEndian)
}

// Ascend is in Log.
func (l *WALLog) Ascend(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for i := range l.segments {
			if s := l.segments[i]; s.sealed() && s.MaxIndex < from {
				continue
			}
			if !l.segment(ctx, i, from, false, yield) {
				return
			}
		}
	}
}

// Descend is in Log.
func (l *WALLog) Descend(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for i := range slices.Backward(l.segments) {
			if !l.segment(ctx, i, 0, true, yield) {
				return
			}
		}
	}
}

// segment walks over the entries of one segment, and reports whether to go on.
func (l *WALLog) segment(ctx context.Context, i int, from uint64, back bool, yield func(Entry, error) bool) bool {
	s, errs := l.open(ctx, l.segments[i])
	if s != nil {
		defer func() { _ = s.file.Close() }()
	}
	for _, err := range errs {
		if !yield(Entry{}, err) || ctx.Err() != nil {
			return false
		}
	}
	if s == nil {
		return true
	}
	first, last := max(s.info.MinIndex, from), s.last
	for n := first; n <= last && last > 0; n++ {
		index := n
		if back {
			index = last - (n - first)
		}
		if err := ctx.Err(); err != nil {
			yield(Entry{}, err)
			return false
		}
		if !yield(s.entry(index)) {
			return false
		}
	}
	return true
}

// segment is an open segment.
type segment struct {
	file    *file
	info    segmentInfo
	last    uint64   // 0: no entry
	offsets []uint32 // from info.BaseIndex on
	buf     []byte
}

// open reads the frames of a segment. What is wrong with it is returned beside what can be read.
func (l *WALLog) open(ctx context.Context, info segmentInfo) (*segment, []error) {
	f, err := l.dir.open(join(l.name, info.name()))
	if errors.Is(err, fs.ErrNotExist) && !info.sealed() {
		return nil, nil // raft-wal died before it made the file, and will make it (wal.go, Open)
	}
	if err != nil {
		return nil, []error{&Error{join(l.name, info.name()), -1, "a segment that wal-meta.db lists cannot be opened", err}}
	}
	if !info.sealed() && blank(f.source) {
		return &segment{file: f, info: info}, nil // made, and nothing was committed to it
	}
	var errs []error
	if err := checkHeader(f.source, info); err != nil {
		errs = append(errs, err)
	}
	found, err := readFrames(ctx, f.source)
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, append(errs, err)
	}
	s := &segment{file: f, info: info}
	if info.sealed() {
		err = s.seal(found)
	} else {
		s.tail(found)
	}
	if err != nil {
		errs = append(errs, err)
	}
	return s, append(errs, found.damage...)
}

// blank reports whether nothing was committed to a segment: raft-wal writes its header with
// the first batch.
func blank(s source) bool {
	var h [segmentHeader]byte
	return s.read(h[:min(s.size, segmentHeader)], 0) == nil && h == [segmentHeader]byte{}
}

func (s *segment) tail(found frames) {
	s.offsets = found.offsets[:found.committed-found.dropped]
	if n := len(s.offsets); n > 0 {
		s.last = s.info.BaseIndex + uint64(n) - 1
	}
}

// seal takes the offsets of a sealed segment: those of its index, which is what raft-wal
// goes by, or, if it has none that can be read, those of its frames. raft-wal v0.4.0
// truncates the tail of a log without writing an index (wal.go, truncateTailLocked).
func (s *segment) seal(found frames) error {
	n := int64(s.info.MaxIndex - s.info.BaseIndex + 1)
	s.offsets = found.offsets[:min(n, int64(len(found.offsets)))]
	s.last = s.info.BaseIndex + uint64(len(s.offsets)) - 1
	if s.info.IndexStart == 0 {
		if int64(len(s.offsets)) < n {
			return s.file.fail(-1, "has %d entries; wal-meta.db counts %d", len(s.offsets), n)
		}
		return nil
	}
	start := int64(min(s.info.IndexStart, 1<<62))
	if start > s.file.size || n > (s.file.size-start)/4 {
		return s.file.fail(start, "the index of %d entries lies outside of the segment", n)
	}
	raw := make([]byte, 4*n)
	if err := s.file.read(raw, start); err != nil {
		return err
	}
	s.offsets, s.last = make([]uint32, n), s.info.MaxIndex
	var err error
	for i := range s.offsets {
		s.offsets[i] = binary.LittleEndian.Uint32(raw[4*i:])
		if err == nil && i < len(found.offsets) && s.offsets[i] != found.offsets[i] {
			err = s.file.fail(start+int64(4*i), "the index says that entry %d is at byte %d; it is at %d", s.info.BaseIndex+uint64(i), s.offsets[i], found.offsets[i])
		}
	}
	return err
}

// entry reads one entry.
func (s *segment) entry(index uint64) (Entry, error) {
	off := int64(s.offsets[index-s.info.BaseIndex])
	e := Entry{File: s.file.name, Offset: off + frameHeader, Key: index}
	var h [frameHeader]byte
	if err := s.file.read(h[:], off); err != nil {
		return e, err
	}
	n := int64(binary.LittleEndian.Uint32(h[4:]))
	if h[0] != frameEntry || n > maxValue {
		return e, s.file.fail(off, "no frame of an entry: type %d, length %d", h[0], n)
	}
	if off+frameHeader+n > s.file.size {
		return e, s.file.fail(off, "an entry of %d bytes goes beyond the end of the file", n)
	}
	if int64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	s.buf = s.buf[:n]
	if err := s.file.read(s.buf, off+frameHeader); err != nil {
		return e, err
	}
	if err := decodeBinary(s.buf, &e.Log); err != nil {
		return e, &Error{s.file.name, off, "entry is not raft's", err}
	}
	if e.Index != index {
		return e, s.file.fail(off, "the entry in the place of %d says that it is %d", index, e.Index)
	}
	return e, nil
}
