// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProofBootCases is P11 for many more assignments and histories.
func TestProofBootCases(t *testing.T) {
	const assignments, histories, from = 120_000, 100_000, 1 << 20
	for seed := range uint64(assignments) {
		_, wrong := staticCase(from + seed)
		require.Empty(t, wrong, "assignment %d", from+seed)
	}
	for seed := range uint64(histories) {
		_, wrong := bootCase(from + seed)
		require.Empty(t, wrong, "history %d", from+seed)
	}
	fmt.Printf("proof: boot-cases %d cases\n", assignments+histories)
}
