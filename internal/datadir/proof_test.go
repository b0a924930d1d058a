// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package datadir

import (
	"fmt"
	"testing"
)

// TestProofBoltDamage reads a raft.db damaged in 30,000 ways.
func TestProofBoltDamage(t *testing.T) {
	const files = 30_000
	damageBolt(t, smallBolt(t, 60), files)
	fmt.Printf("proof: datadir-bolt-damage %d files\n", files)
}

// TestProofBoltTruncations reads it cut at every byte.
func TestProofBoltTruncations(t *testing.T) {
	b := smallBolt(t, 60)
	for n := range b {
		if _, flaws := surviveBolt(t, b[:n]); flaws == 0 {
			t.Fatalf("cut to %d bytes, and nothing was said", n)
		}
	}
	fmt.Printf("proof: datadir-bolt-truncations %d files\n", len(b))
}

// TestProofWALDamage reads the files of a raft-wal, flipped and cut.
func TestProofWALDamage(t *testing.T) {
	const flips = 1_000
	damageWAL(t, flips, 3)
	fmt.Printf("proof: datadir-wal-damage %d files\n", 8*flips)
}
