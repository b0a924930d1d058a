// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

var sealTime = time.Unix(1, 0)

// Whatever the pages are, reading them ends, and panics nowhere. The pages' checksum does
// not help: the fuzzer cannot forge it, so a good file is patched.
func FuzzBolt(f *testing.F) {
	good := smallBolt(f, 25)
	f.Add(uint16(2048), []byte{1, 2, 3})
	f.Add(uint16(4096), bytes.Repeat([]byte{0xff}, 64))
	f.Add(uint16(0), good[:64])
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		b := append([]byte(nil), good...)
		copy(b[int(at)%len(b):], patch)
		readAll(t, len(b), inMemory(b))
	})
}

// A segment of any bytes, read as a sealed one and as a tail.
func FuzzWAL(f *testing.F) {
	for seed := range uint64(4) {
		b, _, index := segmentOf(rand.New(rand.NewPCG(seed, 9)), 3+int(seed), seed%2 == 0)
		f.Add(b, index, uint64(3+seed))
	}
	f.Add([]byte{}, uint64(0), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, index, last uint64) {
		for _, info := range []segmentInfo{
			{BaseIndex: 1, MinIndex: 1, Codec: binaryCodec},
			{BaseIndex: 1, MinIndex: 1, MaxIndex: 1 + last%(1<<32-1), IndexStart: index, Codec: binaryCodec, SealTime: sealTime},
		} {
			s, err := logOf(context.Background(), b, info)
			if s == nil {
				t.Fatal(err)
			}
			if s.last > uint64(len(b)) {
				t.Fatalf("%d entries in %d bytes", s.last, len(b))
			}
			for i := uint64(1); i <= s.last; i++ {
				if _, err := s.entry(i); err != nil {
					requirePlace(t, err)
				}
			}
		}
	})
}
