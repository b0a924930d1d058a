// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProofRecoveryHistories is property P12 on real raft: lossless is only said when
// nothing that was acknowledged is lost, whoever starts first.
func TestProofRecoveryHistories(t *testing.T) {
	const want = 3_000
	var h histories
	for seed := uint64(1_000); h.planned < want; seed++ {
		recoverHistory(t, seed, &h)
	}
	require.Greater(t, h.lossless, want/4)
	require.Greater(t, h.half, want/100, "half of an even number of voters must occur")
	require.Greater(t, h.lostAnyway, want/100, "without losses in what is not proven, the oracle sees nothing")
	t.Logf("%+v", h)
	fmt.Printf("proof: recovery-histories %d histories\n", h.planned)
	fmt.Printf("proof: recovery-lossless %d histories\n", h.lossless)
	fmt.Printf("proof: recovery-orders %d orders\n", h.orders)
}
