// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// P11: whatever the servers see of each other at one time, all bootstraps agree. Every
// expectation is more than half of the servers there are: below that, two groups that do
// not know of each other are two clusters, for anybody.
func TestGuarantee19_P11_OneListAtATime(t *testing.T) {
	some := 0
	for seed := range uint64(2000) {
		n, wrong := staticCase(seed)
		require.Empty(t, wrong, "seed %d", seed)
		if n > 0 {
			some++
		}
	}
	require.Greater(t, some, 150, "too few assignments in which anybody bootstraps")
}

// P11, over time: offers are made, withdrawn and taken up in any order.
func TestGuarantee19_P11_OneListOverTime(t *testing.T) {
	acted := 0
	for seed := range uint64(1500) {
		n, wrong := bootCase(seed)
		require.Empty(t, wrong, "seed %d", seed)
		acted += n
	}
	require.Greater(t, acted, 1500, "too few bootstraps")
}
