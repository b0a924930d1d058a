// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"context"
	"iter"
)

// maxDepth is far more than a tree has: bbolt keeps at least two keys on a page.
const maxDepth = 32

// Pair is a key and the place of its value.
type Pair struct {
	Key    []byte
	Offset int64 // of the value, in the file
	Size   int64 // of the value
	bucket bool

	page    *page
	at      int64 // of the value, in the page
	scratch *[]byte
}

// Value reads the value. It is valid until the walk goes on.
func (p Pair) Value() ([]byte, error) {
	if p.Size > maxValue {
		return nil, p.page.b.fail(p.Offset, "a value of %d bytes; at most %d are read", p.Size, maxValue)
	}
	return p.page.bytes(p.at, p.Size, p.scratch)
}

// Ascend walks over the pairs from the least key that is not less than from, nil being
// the first. An error is about the pair that comes with it, or about pages that were left
// out; the loop may go on unless it is the context's.
func (k *Bucket) Ascend(ctx context.Context, from []byte) iter.Seq2[Pair, error] {
	return k.walk(ctx, walk{from: from})
}

// Descend is Ascend backwards, from the last pair.
func (k *Bucket) Descend(ctx context.Context) iter.Seq2[Pair, error] {
	return k.walk(ctx, walk{back: true})
}

func (k *Bucket) walk(ctx context.Context, start walk) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		w := start
		w.ctx, w.bucket, w.yield = ctx, k, yield
		w.seen = pageSet{}
		w.visit(k.root, bounds{}, 0)
	}
}

// walk is one pass over a tree, depth first. It ends because no page is entered twice, and
// it is no deeper than maxDepth, whatever the pages say.
type walk struct {
	ctx    context.Context
	bucket *Bucket
	from   []byte
	back   bool
	yield  func(Pair, error) bool

	seen    pageSet
	levels  [maxDepth]level
	value   []byte
	stopped bool
}

// level holds what a page in use needs, to be used again for its sisters.
type level struct {
	page page
	buf  []byte
	key  [3][]byte // for keys that are not at hand in the page: before, this, next
}

// bounds are what the branches above a page say of its keys: from low on, and less than
// high. nil: no bound.
type bounds struct{ low, high []byte }

func (b bounds) has(key []byte) bool {
	return bytes.Compare(key, b.low) >= 0 && (b.high == nil || bytes.Compare(key, b.high) < 0)
}

// report yields an error, and remembers if the loop was left.
func (w *walk) report(pair Pair, err error) { w.stopped = !w.yield(pair, err) || w.stopped }

func (w *walk) visit(id uint64, in bounds, depth int) {
	if err := w.ctx.Err(); err != nil {
		w.report(Pair{}, err)
		w.stopped = true
		return
	}
	if depth == maxDepth {
		w.report(Pair{}, w.bucket.b.fail(-1, "the tree is deeper than %d pages at page %d", maxDepth, id))
		return
	}
	l := &w.levels[depth]
	if err := w.enter(l, id, depth); err != nil {
		w.report(Pair{}, err)
		return
	}
	if l.page.branch {
		w.branch(l, in, depth)
	} else {
		w.leaf(l, in)
	}
}

func (w *walk) enter(l *level, id uint64, depth int) (err error) {
	b := w.bucket.b
	if depth == 0 && id == 0 {
		l.buf, err = l.page.openInline(w.bucket, l.buf)
		return err
	}
	if l.buf, err = l.page.open(b, id, l.buf); err != nil {
		return err
	}
	for i := range uint64(l.page.size / b.pageSize) {
		if !w.seen.add(id + i) {
			return b.fail(l.page.off, "page %d was met before: the tree is tied in a knot", id+i)
		}
	}
	if l.page.count == 0 && depth > 0 {
		return b.fail(l.page.off, "page %d is empty", id)
	}
	return nil
}

// step is where the walk looks next in a page of n elements: 0 to n-1, or back.
func (w *walk) step(i, n int) int {
	if w.back {
		return n - 1 - i
	}
	return i
}

func (w *walk) branch(l *level, in bounds, depth int) {
	p := &l.page
	for i := range p.count {
		at := w.step(i, p.count)
		e, err := p.element(at, &l.key[1])
		if err != nil {
			w.report(Pair{}, err)
		}
		below := bounds{e.key, in.high}
		if err == nil && at+1 < p.count {
			next, err := p.element(at+1, &l.key[2])
			if err == nil && bytes.Compare(next.key, e.key) <= 0 {
				err = p.b.fail(p.off, "branches %d and %d are out of order", at, at+1)
			}
			if err != nil {
				w.report(Pair{}, err)
				next.key = in.high
			}
			below.high = next.key
		}
		if err == nil && !in.has(e.key) {
			w.report(Pair{}, p.b.fail(p.off, "branch %d is out of the order of the page above", at))
			below = bounds{}
		}
		if w.stopped {
			return
		}
		if err != nil || (w.from != nil && below.high != nil && bytes.Compare(below.high, w.from) <= 0) {
			continue
		}
		if w.visit(e.child, below, depth+1); w.stopped {
			return
		}
	}
}

// inOrder reports whether key comes after last, in the direction of the walk.
func (w *walk) inOrder(last, key []byte) bool {
	if w.back {
		last, key = key, last
	}
	return bytes.Compare(last, key) < 0
}

func (w *walk) leaf(l *level, in bounds) {
	p := &l.page
	var last []byte
	for i := range p.count {
		at := w.step(i, p.count)
		e, err := p.element(at, &l.key[1])
		switch {
		case err != nil:
			w.report(Pair{}, err)
		case w.from != nil && bytes.Compare(e.key, w.from) < 0:
		default:
			pair := Pair{e.key, p.off + e.value, e.size, e.bucket, p, e.value, &w.value}
			if !in.has(e.key) || (last != nil && !w.inOrder(last, e.key)) {
				err = p.b.fail(p.off+e.value, "key %x is out of order", e.key)
			}
			w.report(pair, err)
		}
		if w.stopped {
			return
		}
		if err == nil {
			l.key[0] = append(l.key[0][:0], e.key...)
			last = l.key[0]
		}
	}
}

// pageSet is a set of page numbers: a bit each, in chunks, so that it grows with what
// was visited and not with what a file claims.
type pageSet map[uint64]*[512]uint64

// add reports whether id is new.
func (s pageSet) add(id uint64) bool {
	chunk := s[id/32768]
	if chunk == nil {
		chunk = new([512]uint64)
		s[id/32768] = chunk
	}
	word, bit := &chunk[id%32768/64], uint64(1)<<(id%64)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}
