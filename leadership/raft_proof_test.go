// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package leadership_test

import (
	"fmt"
	"testing"
)

// TestProofNotifierOnRaft forces changes of leadership of every kind on real
// clusters of three and five, each seed its own cluster.
func TestProofNotifierOnRaft(t *testing.T) {
	const seeds, each = 600, 40
	var gains uint64
	for seed := range uint64(seeds) {
		gains += flapRaft(t, seed, 3+2*int(seed%2), each)
		if t.Failed() {
			t.FailNow()
		}
	}
	fmt.Printf("proof: raft-flaps %d flaps\n", gains)
	fmt.Printf("proof: raft-seeds %d seeds\n", seeds)
}
