// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Without this field, futures that raft abandons at its shutdown would leak.
func TestFutureThatNobodyResolvesIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 1})
		s := leader(t, c)
		s.FSM().Hang()
		future := s.Raft().Apply([]byte("x"), 0)
		gone := make(chan struct{})
		abandonAt(future, gone)
		time.AfterFunc(time.Second, func() { close(gone) })
		require.ErrorIs(t, future.Error(), raft.ErrRaftShutdown)
		c.Heal()
	})
}

// A hundred calls are in flight when their server dies: no wait may outlive it.
func TestCrashUnderLoadLeavesNoWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		s := leader(t, c)
		s.FSM().Slow(5 * time.Millisecond)
		done := make(chan struct{})
		for range 100 {
			go func() {
				_, _ = c.Apply(t.Context(), []byte("load"))
				done <- struct{}{}
			}()
		}
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, s.Crash(t.Context()))
		for range 100 {
			<-done
		}
		s.FSM().Heal()
		require.NoError(t, s.Restart(t.Context()))
		require.NoError(t, c.Converged(t.Context()))
	})
}

func TestSameIncarnationIsNotRestartedBehindOurBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[raft.ServerID]int)
		c := start(t, Config{Started: func(s *Server) {
			seen[s.ID()]++
			require.NotNil(t, s.Raft())
		}})
		_, err := c.Flap(t.Context(), Crash)
		require.NoError(t, err)
		total := 0
		for _, n := range seen {
			total += n
		}
		require.Equal(t, 4, total)
	})
}

// With everything hanging that can hang, nothing of the package may wait: a
// mutex held across one of these waits would freeze the bubble for good.
func TestGuarantee7_NothingIsLockedWhileServersHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		hung := leader(t, c)
		paused := other(c, hung)
		other(c, paused).FSM().Hang()
		apply(t, c, "hangs there")
		time.Sleep(100 * time.Millisecond)
		hung.Logs().Hang()
		require.NoError(t, paused.Pause(within(t, time.Second)))
		waiting := make(chan error, 1)
		go func() {
			_, err := c.Apply(within(t, 5*time.Second), []byte("x"))
			waiting <- err
		}()
		require.NoError(t, c.Network().Set(hung.ID(), paused.ID(), Link{BlackHole: true}))
		time.Sleep(100 * time.Millisecond)

		before := time.Now()
		_, _, _ = c.Faults(), c.Timeline(), c.Check()
		c.Record(timeline.Event{Kind: timeline.Note})
		require.NoError(t, c.Network().Set(hung.ID(), paused.ID(), Link{}))
		require.EqualValues(t, 1, hung.FSM().Chain().Commands)
		require.NotNil(t, hung.Raft())
		require.Equal(t, before, time.Now())
		require.Error(t, <-waiting)
	})
}
