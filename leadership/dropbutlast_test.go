// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestGuarantee9_OnlyTheNewestIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := make(chan int)
		dst := DropButLast(t.Context(), src)
		for i := range 1000 {
			src <- i // returns although nobody reads dst
		}
		synctest.Wait()
		require.Equal(t, 999, <-dst)
		src <- 7
		require.Equal(t, 7, <-dst)
		close(src)
		_, ok := <-dst
		require.False(t, ok, "nothing is delivered twice")
	})
}

func TestGuarantee9_BufferedSourceDeliversItsNewest(t *testing.T) {
	for range 200 { // select chooses at random: an older value must never win
		src := make(chan int, 8)
		for i := range 8 {
			src <- i
		}
		dst := make(chan int, 1)
		require.True(t, offer(t.Context(), -1, src, dst))
		require.Equal(t, 7, <-dst)
	}
}

func TestGuarantee9_LastValueThenClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := make(chan bool, 3)
		src <- true
		src <- false
		src <- true
		close(src)
		dst := DropButLast(t.Context(), src)
		synctest.Wait()
		v, ok := <-dst
		require.True(t, ok)
		require.True(t, v)
		_, ok = <-dst
		require.False(t, ok)
	})
}

func TestGuarantee9_EndOfContextClosesAndDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		src := make(chan int)
		dst := DropButLast(ctx, src)
		src <- 1
		synctest.Wait()
		cancel()
		synctest.Wait()
		_, ok := <-dst
		require.False(t, ok, "closed at once, the untaken value dropped")
		for i := range 1000 {
			src <- i // raft lives longer than the context, and must not wait
		}
		close(src) // ends the goroutine; the bubble fails if it does not
	})
}

func TestGuarantee9_EndOfContextWhileTheLastValueWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		src := make(chan int, 1)
		src <- 1
		close(src)
		dst := DropButLast(ctx, src)
		synctest.Wait()
		cancel()
		synctest.Wait()
		_, ok := <-dst
		require.False(t, ok)
	})
}

func TestDropButLastRefusesNil(t *testing.T) {
	require.Panics(t, func() { DropButLast[bool](t.Context(), nil) })
	require.Panics(t, func() { DropButLast(nil, make(chan bool)) }) //nolint:staticcheck // the point
}
