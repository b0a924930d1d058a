// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// decodeMsgpack decodes an entry as raft-boltdb writes it: a map of six fixed keys. A decoder
// of just that is less code than the use of go-msgpack takes, allocates nothing, and
// notices what that one accepts: keys that are missing or there twice, and bytes that
// follow. l.Data and l.Extensions point into b.
func decodeMsgpack(b []byte, l *raft.Log) error {
	*l = raft.Log{}
	d := msgpack{b: b}
	var seen uint8
	for range d.mapLen() {
		field := d.field(l)
		if seen&field != 0 && field != otherField {
			d.fail("a key is there twice")
		}
		if seen |= field; d.err != nil {
			return d.err
		}
	}
	switch {
	case d.err != nil:
		return d.err
	case seen&requiredFields != requiredFields:
		return errors.New("one of Index, Term, Type and Data is missing")
	case len(d.b) > 0:
		return fmt.Errorf("%d bytes follow it", len(d.b))
	}
	return nil
}

const (
	indexField = 1 << iota
	termField
	typeField
	dataField
	extensionsField
	appendedField
	otherField

	requiredFields = indexField | termField | typeField | dataField
)

// field reads a key and its value.
func (d *msgpack) field(l *raft.Log) uint8 {
	switch string(d.blob()) {
	case "Index":
		l.Index = d.uint()
		return indexField
	case "Term":
		l.Term = d.uint()
		return termField
	case "Type":
		n := d.uint()
		if l.Type = raft.LogType(n); n > 255 {
			d.fail("type %d", n)
		}
		return typeField
	case "Data":
		l.Data = d.blob()
		return dataField
	case "Extensions":
		l.Extensions = d.blob()
		return extensionsField
	case "AppendedAt":
		l.AppendedAt = d.time()
		return appendedField
	}
	d.skip(0) // of a later raft
	return otherField
}

// msgpack is a reader that remembers its first error, and is at the end from then on.
type msgpack struct {
	b   []byte
	err error
}

func (d *msgpack) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.b = nil
}

func (d *msgpack) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("%d bytes are missing at its end", n-uint64(len(d.b)))
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// number is a big-endian number of 1, 2, 4 or 8 bytes.
func (d *msgpack) number(size uint64) (n uint64) {
	for _, c := range d.take(size) {
		n = n<<8 | uint64(c)
	}
	return n
}

func (d *msgpack) byte() byte { return byte(d.number(1)) }

func (d *msgpack) mapLen() int {
	switch c := d.byte(); {
	case d.err != nil:
		return 0
	case c&0xf0 == 0x80:
		return int(c & 0x0f)
	case c == 0xde:
		if n := d.number(2); n <= 64 {
			return int(n)
		}
	}
	d.fail("does not begin with a small map")
	return 0
}

func (d *msgpack) uint() uint64 {
	switch c := d.byte(); {
	case c < 0x80:
		return uint64(c)
	case c >= 0xcc && c <= 0xcf:
		return d.number(1 << (c - 0xcc))
	case c >= 0xd0 && c <= 0xd3: // signed; a good one is not negative
		size := uint64(1) << (c - 0xd0)
		if n := d.number(size); n>>(size*8-1) == 0 {
			return n
		}
	}
	d.fail("no number where one is due")
	return 0
}

// blob is a string or a byte slice, or nil.
func (d *msgpack) blob() []byte {
	switch c := d.byte(); {
	case d.err != nil || c == 0xc0:
		return nil
	case c&0xe0 == 0xa0:
		return d.take(uint64(c & 0x1f))
	case c >= 0xc4 && c <= 0xc6:
		return d.take(d.number(1 << (c - 0xc4)))
	case c >= 0xd9 && c <= 0xdb:
		return d.take(d.number(1 << (c - 0xd9)))
	}
	d.fail("no bytes where some are due")
	return nil
}

// time is time.MarshalBinary's form in a blob, or msgpack's own timestamp, bare or in a
// blob; raft-boltdb's option MsgpackUseNewTimeFormat chooses. The zero time may be nil.
func (d *msgpack) time() (t time.Time) {
	var b []byte
	if len(d.b) > 0 && (d.b[0] == 0xd6 || d.b[0] == 0xd7 || d.b[0] == 0xc7) {
		b = d.timestamp()
	} else {
		b = d.blob()
	}
	if d.err != nil || len(b) == 0 {
		return t
	}
	var sec, nsec uint64
	switch len(b) {
	case 4:
		sec = uint64(binary.BigEndian.Uint32(b))
	case 8:
		n := binary.BigEndian.Uint64(b)
		sec, nsec = n&(1<<34-1), n>>34
	case 12:
		sec, nsec = binary.BigEndian.Uint64(b[4:]), uint64(binary.BigEndian.Uint32(b))
	default:
		if err := t.UnmarshalBinary(b); err != nil {
			d.fail("AppendedAt: %w", err)
		}
		return t
	}
	if nsec >= 1e9 {
		d.fail("a timestamp of %d nanoseconds", nsec)
	}
	return time.Unix(int64(sec), int64(nsec)).UTC()
}

// timestamp is what an extension of type -1 holds.
func (d *msgpack) timestamp() []byte {
	size := map[byte]uint64{0xd6: 4, 0xd7: 8}[d.byte()]
	if size == 0 {
		size = d.number(1)
	}
	if d.byte() != 0xff {
		d.fail("AppendedAt is no timestamp")
	}
	return d.take(size)
}

// skip passes over any value. Containers are not entered deeply: no field of raft.Log
// has ever been one.
func (d *msgpack) skip(depth int) {
	if len(d.b) == 0 || depth > 4 {
		d.fail("no value where one is due")
		return
	}
	switch c := d.b[0]; {
	case c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		d.take(1)
	case c >= 0xcc && c <= 0xd3:
		d.take(1)
		d.take(1 << (c & 3))
	case c == 0xca || c == 0xcb:
		d.take(5 + 4*uint64(c&1))
	case c&0xf0 == 0x90:
		d.take(1)
		for range c & 0x0f {
			d.skip(depth + 1)
		}
	case c&0xf0 == 0x80:
		d.take(1)
		for range 2 * (c & 0x0f) {
			d.skip(depth + 1)
		}
	case c >= 0xd4 && c <= 0xd8:
		d.take(2 + 1<<(c-0xd4))
	default:
		d.blob()
	}
}
