// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package leadership_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProofRunnersOnRaft disturbs real clusters of three and five whose callbacks
// do everything wrong, each seed its own cluster.
func TestProofRunnersOnRaft(t *testing.T) {
	const seeds, each = 1000, 60
	var gained, served, refusals int
	var all [fates]int
	for seed := range uint64(seeds) {
		gains, sessions, drawn, refused := flapRunners(t, seed, 3+2*int(seed%2), each)
		gained, served, refusals = gained+gains, served+sessions, refusals+refused
		for i, n := range drawn {
			all[i] += n
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	for i, n := range all {
		require.Positive(t, n, "fate %d never came", i)
	}
	fmt.Printf("proof: runner-flaps %d flaps\n", gained)
	fmt.Printf("proof: runner-seeds %d seeds\n", seeds)
	fmt.Printf("proof: runner-sessions %d sessions\n", served)
	fmt.Printf("proof: stale-writes %d refused\n", refusals)
	t.Logf("fates: %v", all)
}

// TestProofReads checks histories of clients for linearizability.
func TestProofReads(t *testing.T) {
	const seeds = 300
	var reads int
	for seed := range uint64(seeds) {
		ok, n := readers(t, 1000+seed, afterReadBarrier)
		require.True(t, ok, "seed %d", seed)
		reads += n
	}
	fmt.Printf("proof: linearizable-histories %d seeds\n", seeds)
	fmt.Printf("proof: linearizable-operations %d operations\n", reads)
}
