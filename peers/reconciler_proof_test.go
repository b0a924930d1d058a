// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProofReconcilerSchedules plays random schedules, each on a cluster of its own
// with a reconciler on every server.
func TestProofReconcilerSchedules(t *testing.T) {
	const schedules, workers = 3_000, 4
	var ops, changes, slowest atomic.Int64
	t.Run("all", func(t *testing.T) {
		for worker := range uint64(workers) {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed := worker; seed < schedules && !t.Failed(); seed += workers {
					o := playSchedule(t, 1_000_000+seed)
					ops.Add(int64(o.ops))
					changes.Add(int64(o.changes))
					for old := slowest.Load(); int64(o.converged) > old && !slowest.CompareAndSwap(old, int64(o.converged)); old = slowest.Load() {
					}
				}
			})
		}
	})
	require.False(t, t.Failed())
	t.Logf("%d operations, %d changes made, the slowest converged %v after healing", ops.Load(), changes.Load(), time.Duration(slowest.Load()))
	require.Greater(t, ops.Load(), int64(schedules*steps/2), "hardly anything happened")
	require.Greater(t, changes.Load(), int64(schedules*2), "hardly anything was changed")
	fmt.Printf("proof: reconciler-schedules %d schedules\n", schedules)
}
