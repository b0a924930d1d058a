// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/binary"
	"iter"
)

// BoltLog is the raft.db of raft-boltdb: a bucket "logs" with big-endian indexes and
// entries in msgpack, and a bucket "conf" (bolt_store.go, dbLogs and dbConf).
type BoltLog struct {
	file *file
	bolt *Bolt
	logs *Bucket // nil: raft-boltdb died before it had made its buckets
	conf *Bucket
}

// BoltLog opens a raft.db. What is missing is fs.ErrNotExist, what is open elsewhere ErrInUse.
func (d *Dir) BoltLog(ctx context.Context, name string) (*BoltLog, error) {
	f, bolt, err := d.openBolt(name)
	if err != nil {
		return nil, err
	}
	l := &BoltLog{file: f, bolt: bolt}
	if l.logs, err = bolt.Bucket(ctx, "logs"); err == nil {
		l.conf, err = bolt.Bucket(ctx, "conf")
	}
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, err
	}
	return l, nil
}

// openBolt opens and locks a file of bbolt.
func (d *Dir) openBolt(name string) (*file, *Bolt, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, nil, err
	}
	var bolt *Bolt
	if err = lock(f.f, name); err == nil {
		// The size is that of the moment before the lock. A store that was open until
		// then may have grown since.
		if info, statErr := f.f.Stat(); statErr == nil {
			f.size = info.Size()
		}
		bolt, err = readBolt(f.source)
	}
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, nil, err
	}
	return f, bolt, nil
}

// Close gives up the file and its lock.
func (l *BoltLog) Close() error { return l.file.Close() }

// Notes are those of the file.
func (l *BoltLog) Notes() []error { return l.bolt.Notes }

// Stable reads the bucket "conf".
func (l *BoltLog) Stable(ctx context.Context) (Stable, error) {
	return readStable(ctx, l.conf, binary.BigEndian)
}

// Ascend is in Log.
func (l *BoltLog) Ascend(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	if l.logs == nil {
		return func(func(Entry, error) bool) {}
	}
	return l.entries(l.logs.Ascend(ctx, binary.BigEndian.AppendUint64(nil, from)))
}

// Descend is in Log.
func (l *BoltLog) Descend(ctx context.Context) iter.Seq2[Entry, error] {
	if l.logs == nil {
		return func(func(Entry, error) bool) {}
	}
	return l.entries(l.logs.Descend(ctx))
}

func (l *BoltLog) entries(pairs iter.Seq2[Pair, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for pair, err := range pairs {
			if pair.Key == nil {
				if !yield(Entry{}, err) {
					return
				}
				continue
			}
			e, bad := l.decode(pair)
			if err == nil {
				err = bad
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (l *BoltLog) decode(pair Pair) (Entry, error) {
	e := Entry{File: l.file.name, Offset: pair.Offset}
	if len(pair.Key) != 8 {
		return e, l.file.fail(pair.Offset, "key %x has %d bytes; an index has 8", pair.Key, len(pair.Key))
	}
	e.Key = binary.BigEndian.Uint64(pair.Key)
	if pair.bucket {
		return e, l.file.fail(pair.Offset, "entry %d is a bucket", e.Key)
	}
	v, err := pair.Value()
	if err != nil {
		return e, err
	}
	if err := decodeMsgpack(v, &e.Log); err != nil {
		return e, &Error{l.file.name, pair.Offset, "entry is not raft's", err}
	}
	if e.Index != e.Key {
		return e, l.file.fail(pair.Offset, "the entry under index %d says that it is %d", e.Key, e.Index)
	}
	return e, nil
}
