// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// segmentInfo is a segment as wal-meta.db lists it (raft-wal types/segment.go).
type segmentInfo struct {
	ID         uint64
	BaseIndex  uint64 // of the first entry in the file
	MinIndex   uint64 // of the first that was not truncated
	MaxIndex   uint64 // of the last; 0: not sealed
	Codec      uint64
	IndexStart uint64 // of the offsets; 0: none
	SealTime   time.Time
}

func (i segmentInfo) name() string { return fmt.Sprintf("%020d-%016x.wal", i.BaseIndex, i.ID) }

func (i segmentInfo) sealed() bool { return !i.SealTime.IsZero() }

// maxSegments of 64 MiB each are more than a server keeps.
const maxSegments = 100_000

// readSegments reads the list of segments: JSON under the key "m" of the bucket "wal-meta"
// (metadb/metadb.go). Without that key the log is empty.
func readSegments(ctx context.Context, b *Bolt) ([]segmentInfo, error) {
	k, err := b.Bucket(ctx, "wal-meta")
	if err != nil || k == nil {
		return nil, err
	}
	pair, v, err := k.value(ctx, "m")
	if err != nil || v == nil {
		return nil, err
	}
	var state struct{ Segments []segmentInfo }
	if err := json.Unmarshal(v, &state); err != nil {
		return nil, &Error{b.name, pair.Offset, "the list of segments", err}
	}
	if n := len(state.Segments); n > maxSegments {
		return nil, b.fail(pair.Offset, "%d segments; at most %d are read", n, maxSegments)
	}
	for i, s := range state.Segments {
		if why := s.flaw(state.Segments[:i], i == len(state.Segments)-1); why != "" {
			return nil, b.fail(pair.Offset, "segment %d of %d: %s", i+1, len(state.Segments), why)
		}
	}
	return state.Segments, nil
}

// flaw says what is wrong with a segment that comes after those before it.
func (i segmentInfo) flaw(before []segmentInfo, last bool) string {
	switch {
	case i.Codec != binaryCodec:
		return fmt.Sprintf("codec %d; only raft-wal's own, %d, can be read", i.Codec, binaryCodec)
	case i.BaseIndex == 0 || i.MinIndex < i.BaseIndex || i.BaseIndex > math.MaxInt64:
		return fmt.Sprintf("base index %d, least index %d", i.BaseIndex, i.MinIndex)
	case i.sealed() == last:
		return "the last one, and only that, is not sealed"
	case i.sealed() && (i.MaxIndex < i.BaseIndex || i.MaxIndex-i.BaseIndex >= 1<<32):
		return fmt.Sprintf("entries %d to %d", i.BaseIndex, i.MaxIndex)
	case len(before) > 0 && before[len(before)-1].MaxIndex != i.BaseIndex-1:
		return fmt.Sprintf("begins at %d after one that ends at %d", i.BaseIndex, before[len(before)-1].MaxIndex)
	}
	return ""
}
