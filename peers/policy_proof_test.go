// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// onEveryCore calls f for 0 to n-1, in any order, until one of them fails.
func onEveryCore(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var next, failed atomic.Int64
	var once sync.Once
	var first error
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == 0; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failed.Store(1)
					once.Do(func() { first = fmt.Errorf("case %d: %w", i, err) })
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, first)
}

// TestProofPlannerStates is every state of five servers.
func TestProofPlannerStates(t *testing.T) {
	var states atomic.Int64
	onEveryCore(t, listings*masks, func(i int) error {
		e := newEnumeration(i/masks, i%masks)
		for list := range listings {
			if err := e.visit(list); err != nil {
				return fmt.Errorf("list %d: %w", list, err)
			}
		}
		states.Add(int64(e.states))
		return nil
	})
	require.EqualValues(t, allStates, states.Load())
	fmt.Printf("proof: planner-states %d states\n", states.Load())
}

// TestProofPlanProperties is TestPlanProperties with a million cases, each with a seed of
// its own that says how to make it again.
func TestProofPlanProperties(t *testing.T) {
	total := 0
	for _, p := range planProperties() {
		const times = 1000
		t.Run(p.name, func(t *testing.T) {
			onEveryCore(t, p.cases*times, func(i int) error { return p.holds(seededDice(uint64(i))) }) //nolint:gosec // not negative
		})
		total += p.cases * times
	}
	fmt.Printf("proof: planner-cases %d cases\n", total)
}
