// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFlapRate is the benchmark of this package. It is a test because
// synctest.Test takes no *testing.B. `go test -run TestFlapRate -v` prints it.
func TestFlapRate(t *testing.T) {
	for _, kind := range []Kind{Kick, Transfer, Isolate, Partition, Pause, Crash} {
		const n = 300
		var virtual time.Duration
		wall := time.Now() // outside of the bubble: the real clock
		synctest.Test(t, func(t *testing.T) {
			c, err := New(Config{})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			start := time.Now()
			var term uint64
			for range n {
				change, err := c.Flap(t.Context(), kind)
				require.NoError(t, err)
				require.Greater(t, change.Term, term)
				term = change.Term
			}
			virtual = time.Since(start)
		})
		took := time.Since(wall)
		t.Logf("%-9v %6.0f leader changes per real second (%v virtual in %v)", kind, n/took.Seconds(),
			virtual.Round(time.Millisecond), took.Round(time.Millisecond))
	}
}
