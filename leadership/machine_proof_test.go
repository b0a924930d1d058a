// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package leadership

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProofMachine plays two million schedules, none of which TestMachineSchedules
// has played.
func TestProofMachine(t *testing.T) {
	const schedules = 2_000_000
	w := newWorld()
	for seed := range uint64(schedules) {
		if err := play(w, scheduleSeeds+seed); err != nil {
			t.Fatal(err)
		}
	}
	require.Empty(t, w.hits.missed())
	fmt.Printf("proof: machine-schedules %d schedules\n", schedules)
}
