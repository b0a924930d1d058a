// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGuarantee1_PipesRunRaftsOwnTransport(t *testing.T) {
	for kind := range flaps {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Pipes: true, Link: Link{MaxDelay: time.Millisecond}})
			for range 5 {
				_, err := c.Flap(t.Context(), kind)
				require.NoError(t, err, kind)
				apply(t, c, kind.String())
			}
			require.NoError(t, c.Converged(t.Context()))
		})
	}
}

func TestPipesBlackHoleHoldsBytesUntilItHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Pipes: true})
		l := leader(t, c)
		for _, s := range c.Servers() {
			if s != l {
				require.NoError(t, c.Network().Set(l.ID(), s.ID(), Link{BlackHole: true}))
			}
		}
		time.Sleep(5 * time.Second)
		require.NotEqual(t, l, leader(t, c))
		c.Heal()
		apply(t, c, "after")
		require.NoError(t, c.Converged(t.Context()))
		require.NotZero(t, c.Faults()[BlackHole].Fired)
	})
}

func TestPipesRefuseWhatAStreamCannotDo(t *testing.T) {
	for _, l := range []Link{{Drop: 0.1}, {DropResponse: 0.1}, {Duplicate: 0.1}} {
		_, err := New(Config{Pipes: true, Link: l})
		require.ErrorContains(t, err, "a byte stream")
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Pipes: true})
			require.ErrorContains(t, c.Network().SetAll(l), "a byte stream")
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Pipes: true})
		require.ErrorContains(t, c.Run(t.Context(), Schedule{{Kind: Drop, On: OnLeader, Chance: 0.5, For: time.Second}}), "a byte stream")
	})
}

func TestPipesFastPath(t *testing.T) {
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Pipes: true, NoFastPath: slow})
			follower := other(c, leader(t, c))
			time.Sleep(time.Second)
			require.NoError(t, follower.Pause(t.Context()))
			time.Sleep(5 * time.Second)
			require.Equal(t, !slow, time.Since(follower.Raft().LastContact()) < time.Second)
			follower.Resume()
		})
	}
}

func TestPipesRunRandomSchedules(t *testing.T) {
	kinds := []Kind{Kick, Transfer, Isolate, Partition, Pause, Crash, Delay, Cut, BlackHole, SlowLog, HangLog, SlowFSM, HangFSM}
	runRandom(t, 3, 30, Config{Pipes: true}, kinds...)
}

func TestDialToServerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Pipes: true})
		l := leader(t, c)
		victim := other(c, l)
		require.NoError(t, victim.Crash(t.Context()))
		begin := time.Now()
		_, err := l.Transport().(*pipeTransport).layer.Dial(victim.Address(), time.Second)
		require.ErrorIs(t, err, ErrDown)
		require.Zero(t, time.Since(begin))
	})
}
