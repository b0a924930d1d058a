// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package leadership

import (
	"fmt"
	"testing"
)

// TestProofNotifierAlone drives ten million leaderships through notifiers with
// random pauses of raft and of zero to three readers.
func TestProofNotifierAlone(t *testing.T) {
	const flaps, each = 10_000_000, 5_000
	var driven uint64
	for seed := uint64(0); driven < flaps; seed++ {
		driven += flapBubble(t, seed, each)
		if t.Failed() {
			t.FailNow()
		}
	}
	fmt.Printf("proof: notifier-alone %d flaps\n", driven)
}

// TestProofEveryOrder runs every order of the steps of raft's main loop, of a
// heartbeat on the fast path, and of Attach.
func TestProofEveryOrder(t *testing.T) {
	orders := 0
	for _, beat := range beats {
		orders += interleave(t, beat, false)
	}
	fmt.Printf("proof: notifier-orders %d orders\n", orders)
}
