// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/fnv"
)

// The file of bbolt: pages of one size, written in the byte order of the machine. Pages 0
// and 1 hold one meta each, and the valid one with the greater transaction counts.
//
//	page   0 id u64 | 8 flags u16 | 10 count u16 | 12 overflow u32 | 16 elements, keys, values
//	meta   0 magic u32 | 4 version u32 | 8 page size u32 | 12 flags u32 | 16 root u64 |
//	       24 sequence u64 | 32 freelist u64 | 40 pages u64 | 48 transaction u64 | 56 FNV-1a u64
//	branch 0 position u32 | 4 key size u32 | 8 page u64
//	leaf   0 flags u32 | 4 position u32 | 8 key size u32 | 12 value size u32
//	bucket 0 root page u64, 0: the page follows | 8 sequence u64
//
// A position counts from its own element. (bbolt internal/common: page.go, meta.go,
// bucket.go.)
const (
	headerSize  = 16
	elementSize = 16
	metaSize    = 64
	bucketSize  = 16

	flagBranch = 0x01
	flagLeaf   = 0x02
	flagBucket = 0x01 // of a leaf's element

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	minPage = 512
	maxPage = 64 << 10 // the largest page of any machine that runs Go
)

// Bolt is a file of bbolt.
type Bolt struct {
	source
	order    binary.ByteOrder
	pageSize int64
	root     uint64
	pages    uint64 // those with a smaller number may be used

	// Notes are flaws that do not keep it from being read: a meta page that is not valid,
	// a file that is shorter than it should be.
	Notes []error
}

type meta struct {
	order    binary.ByteOrder
	pageSize int64
	root     uint64
	pages    uint64
	tx       uint64
}

// readBolt reads the two meta pages.
func readBolt(s source) (*Bolt, error) {
	m, notes, err := readMetas(s)
	if err != nil {
		return nil, err
	}
	b := &Bolt{s, m.order, m.pageSize, m.root, m.pages, notes}
	if whole := uint64(s.size / m.pageSize); b.pages > whole {
		b.Notes = append(b.Notes, s.fail(s.size, "the file ends here, but its meta page tells of %d bytes: it was cut short", b.pages*uint64(m.pageSize)))
		b.pages = whole
	}
	return b, nil
}

// readMetas looks for the second meta page at each page size, as bbolt does (db.go,
// getPageSizeFromSecondMeta): when the first one is damaged, the size is not known.
func readMetas(s source) (meta, []error, error) {
	first, err0 := readMeta(s, 0)
	if err0 == nil {
		second, err1 := readMeta(s, first.pageSize)
		if err1 != nil {
			return first, []error{err1}, nil
		}
		if second.pageSize == first.pageSize && second.tx > first.tx {
			return second, nil, nil
		}
		return first, nil, nil
	}
	for at := int64(minPage); at <= maxPage; at *= 2 {
		if second, err := readMeta(s, at); err == nil && second.pageSize == at {
			return second, []error{err0}, nil
		}
	}
	return meta{}, nil, &Error{s.name, 0, "not a bbolt file, or both of its meta pages are damaged", err0}
}

func readMeta(s source, page int64) (meta, error) {
	off := page + headerSize
	var b [metaSize]byte
	if err := s.read(b[:], off); err != nil {
		return meta{}, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(b[:]) != boltMagic {
		order = binary.BigEndian
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56]) // a hash never fails
	m := meta{order, int64(order.Uint32(b[8:])), order.Uint64(b[16:]), order.Uint64(b[40:]), order.Uint64(b[48:])}
	switch {
	case order.Uint32(b[:]) != boltMagic:
		return meta{}, s.fail(off, "meta page without bbolt's magic number")
	case order.Uint32(b[4:]) != boltVersion:
		return meta{}, s.fail(off, "meta page of version %d; want %d", order.Uint32(b[4:]), boltVersion)
	case order.Uint64(b[56:]) != sum.Sum64():
		return meta{}, s.fail(off, "meta page fails its checksum")
	case m.pageSize < minPage || m.pageSize > maxPage || m.pageSize&(m.pageSize-1) != 0:
		return meta{}, s.fail(off, "page size %d; want a power of two from %d to %d", m.pageSize, minPage, maxPage)
	case m.root < 2 || m.root >= m.pages:
		return meta{}, s.fail(off, "root page %d of %d", m.root, m.pages)
	}
	return m, nil
}

// Bucket is a tree of pairs.
type Bucket struct {
	b    *Bolt
	root uint64 // 0: inline
	off  int64  // of an inline page
	size int64
}

// Bucket looks for a bucket at the top of the file. It is nil if there is none.
func (b *Bolt) Bucket(ctx context.Context, name string) (*Bucket, error) {
	top := &Bucket{b: b, root: b.root}
	pair, err := top.find(ctx, []byte(name), true)
	if err != nil || !bytes.Equal(pair.Key, []byte(name)) {
		return nil, err
	}
	if !pair.bucket {
		return nil, b.fail(pair.Offset, "%q is a value; want a bucket", name)
	}
	v, err := pair.Value()
	if err != nil {
		return nil, err
	}
	if len(v) < bucketSize {
		return nil, b.fail(pair.Offset, "bucket %q has %d bytes; want at least %d", name, len(v), bucketSize)
	}
	k := &Bucket{b: b, root: b.order.Uint64(v)}
	if k.root == 0 {
		k.off, k.size = pair.Offset+bucketSize, pair.Size-bucketSize
	}
	return k, nil
}

// Find looks one key up. Key is nil if there is none.
func (k *Bucket) Find(ctx context.Context, key []byte) (Pair, error) { return k.find(ctx, key, false) }

func (k *Bucket) find(ctx context.Context, key []byte, bucket bool) (Pair, error) {
	for pair, err := range k.Ascend(ctx, key) {
		switch {
		case err != nil:
			return Pair{}, err
		case !bytes.Equal(pair.Key, key):
			return Pair{}, nil
		case pair.bucket && !bucket:
			return Pair{}, k.b.fail(pair.Offset, "%q is a bucket; want a value", key)
		}
		return pair, nil
	}
	return Pair{}, nil
}
