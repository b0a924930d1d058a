// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProofModel(t *testing.T) {
	var work sync.WaitGroup
	var small, large *checker
	var wrong, wrongToo *violation
	work.Go(func() {
		small = newChecker(all, policy(target(all)))
		small.every = 16
		wrong = small.all()
	})
	work.Go(func() {
		large = newChecker(five, policy(target(five)))
		wrongToo = large.walk(1, 2_000_000, 80)
	})
	work.Wait()
	small.sound(t, wrong)
	large.sound(t, wrongToo)
	require.GreaterOrEqual(t, len(large.seen), 2_000_000)
	fmt.Println("proof: model-worlds-of-three", len(small.seen), "worlds")
	fmt.Println("proof: model-worlds-of-five", len(large.seen), "worlds")
	fmt.Println("proof: model-changes", small.moves+large.moves, "changes")
	fmt.Println("proof: model-ends", small.ends+large.ends, "ends")
}
