// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

const (
	maxKey   = 32 << 10 // bbolt.MaxKeySize
	maxValue = 64 << 20 // raft-wal's own limit of an entry; raft asks for far less
)

// page is a page of a tree, or the one inside a bucket's value. The first 64 KiB of
// it are read at once. What lies behind them (one large value, as a rule) is read when
// it is asked for.
type page struct {
	b      *Bolt
	off    int64
	size   int64 // with its overflow
	branch bool
	count  int
	head   []byte
}

// open reads the header and the first bytes of a page into buf, which it returns to be
// used again.
func (p *page) open(b *Bolt, id uint64, buf []byte) ([]byte, error) {
	if id < 2 || id >= b.pages {
		return buf, b.fail(-1, "a page points to page %d; the file has pages 2 to %d", id, b.pages-1)
	}
	*p = page{b: b, off: int64(id) * b.pageSize, size: b.pageSize}
	buf, err := p.fill(buf)
	if err != nil {
		return buf, err
	}
	if got := b.order.Uint64(p.head); got != id {
		return buf, b.fail(p.off, "page %d says that it is page %d", id, got)
	}
	if more := uint64(b.order.Uint32(p.head[12:])); more > 0 {
		if more >= b.pages-id {
			return buf, b.fail(p.off, "page %d goes on for %d pages, beyond the last one, %d", id, more, b.pages-1)
		}
		p.size *= int64(more) + 1
		if buf, err = p.fill(buf); err != nil {
			return buf, err
		}
	}
	return buf, p.parse()
}

// openInline is open for the page in a bucket's value.
func (p *page) openInline(k *Bucket, buf []byte) ([]byte, error) {
	*p = page{b: k.b, off: k.off, size: k.size}
	if p.size < headerSize {
		return buf, k.b.fail(k.off, "a bucket of %d bytes holds no page", k.size)
	}
	buf, err := p.fill(buf)
	if err != nil {
		return buf, err
	}
	if err := p.parse(); err != nil {
		return buf, err
	}
	if p.branch {
		return buf, k.b.fail(k.off, "a branch page inside a bucket")
	}
	return buf, nil
}

func (p *page) fill(buf []byte) ([]byte, error) {
	n := int(min(p.size, maxPage))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	p.head = buf[:n]
	return buf, p.b.read(p.head, p.off)
}

func (p *page) parse() error {
	flags := p.b.order.Uint16(p.head[8:])
	p.count = int(p.b.order.Uint16(p.head[10:]))
	p.branch = flags == flagBranch
	switch {
	case flags != flagBranch && flags != flagLeaf:
		return p.b.fail(p.off, "page with flags %#x; want a branch, %#x, or a leaf, %#x", flags, flagBranch, flagLeaf)
	case int64(p.count) > (p.size-headerSize)/elementSize:
		return p.b.fail(p.off, "page of %d bytes with %d elements", p.size, p.count)
	case p.branch && p.count == 0:
		return p.b.fail(p.off, "branch page without a branch")
	}
	return nil
}

// bytes are n bytes of the page. They are copied into scratch if they are not at hand.
func (p *page) bytes(off, n int64, scratch *[]byte) ([]byte, error) {
	if off+n <= int64(len(p.head)) {
		return p.head[off : off+n], nil
	}
	if int64(cap(*scratch)) < n {
		*scratch = make([]byte, n)
	}
	b := (*scratch)[:n]
	return b, p.b.read(b, p.off+off)
}

// element is one entry of a page: a key with the page below it, or with a value.
type element struct {
	key    []byte
	child  uint64
	bucket bool
	value  int64 // offset in the page
	size   int64 // of the value
}

// element reads number i. Its key is copied to scratch only if it lies far inside the page.
func (p *page) element(i int, scratch *[]byte) (element, error) {
	at := headerSize + int64(i)*elementSize
	raw, err := p.bytes(at, elementSize, scratch)
	if err != nil {
		return element{}, err
	}
	var e element
	var pos, keySize int64
	order := p.b.order
	if p.branch {
		pos, keySize = int64(order.Uint32(raw)), int64(order.Uint32(raw[4:]))
		e.child = order.Uint64(raw[8:])
	} else {
		e.bucket = order.Uint32(raw)&flagBucket != 0
		pos, keySize = int64(order.Uint32(raw[4:])), int64(order.Uint32(raw[8:]))
		e.size = int64(order.Uint32(raw[12:]))
	}
	start := at + pos
	switch {
	case start < headerSize+int64(p.count)*elementSize || start+keySize+e.size > p.size:
		return element{}, p.b.fail(p.off+at, "element %d lies outside of its page", i)
	case keySize > maxKey:
		return element{}, p.b.fail(p.off+at, "element %d has a key of %d bytes; at most %d are read", i, keySize, maxKey)
	}
	e.value = start + keySize
	e.key, err = p.bytes(start, keySize, scratch)
	return e, err
}
