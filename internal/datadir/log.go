// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/hashicorp/raft"
)

// Log is the log and the stable store of one server, as they lie on its disk.
type Log interface {
	// Ascend walks over the entries from the least index that is not less than from.
	// An error is about the entry that comes with it, or about entries that were left
	// out; the loop may go on unless it is the context's.
	Ascend(ctx context.Context, from uint64) iter.Seq2[Entry, error]
	// Descend is Ascend backwards, from the last entry.
	Descend(ctx context.Context) iter.Seq2[Entry, error]
	// Stable is what could be read of the stable store, and what is wrong with it.
	Stable(ctx context.Context) (Stable, error)
	// Notes are flaws that did not keep the store from being opened.
	Notes() []error
	Close() error
}

// Entry is an entry of the log with the place where it lies. Data and Extensions are
// valid until the walk goes on.
type Entry struct {
	File   string
	Offset int64
	Key    uint64 // the index under which raft finds it; 0: not known
	raft.Log
}

// Stable is what raft keeps in its stable store (raft.go, keyCurrentTerm and after).
type Stable struct {
	Term     uint64
	VoteTerm uint64
	Vote     []byte // as the transport encoded the candidate; nil: none
}

// readStable reads the three keys. A bucket that is missing holds none.
func readStable(ctx context.Context, k *Bucket, order binary.ByteOrder) (s Stable, err error) {
	if k == nil {
		return s, nil
	}
	number := func(key string) (uint64, error) {
		pair, v, err := k.value(ctx, key)
		if err == nil && v != nil && len(v) != 8 {
			err = k.b.fail(pair.Offset, "%s has %d bytes; want 8", key, len(v))
		}
		if err != nil || v == nil {
			return 0, err
		}
		return order.Uint64(v), nil
	}
	var errs [3]error
	s.Term, errs[0] = number("CurrentTerm")
	s.VoteTerm, errs[1] = number("LastVoteTerm")
	_, s.Vote, errs[2] = k.value(ctx, "LastVoteCand")
	return s, errors.Join(errs[:]...)
}

// value is a copy of the value of a key; nil if there is none.
func (k *Bucket) value(ctx context.Context, key string) (Pair, []byte, error) {
	pair, err := k.Find(ctx, []byte(key))
	if err != nil || pair.Key == nil {
		return pair, nil, err
	}
	v, err := pair.Value()
	return pair, append([]byte{}, v...), err
}
