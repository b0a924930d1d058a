// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestGuarantee3_RestartKeepsWhatWasAcknowledged(t *testing.T) {
	for _, disk := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{}
			if disk {
				cfg.Dir = t.TempDir()
			}
			c := start(t, cfg)
			apply(t, c, "before")
			for _, s := range c.Servers() {
				last, term := s.Raft().LastIndex(), s.Raft().CurrentTerm()
				require.NoError(t, s.Crash(t.Context()))
				require.Nil(t, s.Raft())
				require.ErrorIs(t, s.Crash(t.Context()), ErrDown)
				require.NoError(t, s.Restart(t.Context()))
				require.ErrorContains(t, s.Restart(t.Context()), "is running")
				require.GreaterOrEqual(t, s.Raft().LastIndex(), last)
				require.GreaterOrEqual(t, s.Raft().CurrentTerm(), term)
				apply(t, c, "after "+string(s.ID()))
			}
			require.NoError(t, c.Converged(t.Context()))
			require.Equal(t, uint64(4), c.Server("n1").FSM().Chain().Commands)
		})
	}
}

func TestAllServersCrashAtOnceAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Dir: t.TempDir(), Pipes: true})
		apply(t, c, "before")
		for _, s := range c.Servers() {
			require.NoError(t, s.Crash(t.Context()))
		}
		for _, s := range c.Servers() {
			require.NoError(t, s.Restart(t.Context()))
		}
		apply(t, c, "after")
		require.NoError(t, c.Converged(t.Context()))
		require.FileExists(t, filepath.Join(c.cfg.Dir, "n2", "raft.db"))
	})
}

func TestGuarantee1_DirectoryCanBeResumed(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(Config{Dir: dir})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			leader(t, c)
			if i == 0 {
				apply(t, c, "kept")
				return
			}
			require.NoError(t, c.Converged(t.Context()))
			require.Equal(t, uint64(1), c.Server("n1").FSM().Chain().Commands)
		})
	}
}

// What a crashed incarnation writes must vanish, and must not make it panic.
func TestGuarantee3_CrashFencesWritesThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 1})
		apply(t, c, "kept")
		s := c.Server("n1")
		s.Logs().Hang()
		lost := make(chan error, 1)
		go func() {
			_, err := c.Apply(t.Context(), []byte("lost"))
			lost <- err
		}()
		time.Sleep(time.Second)
		require.NoError(t, s.Crash(t.Context()))
		require.ErrorIs(t, <-lost, ErrUnknownOutcome)
		s.Logs().Release()
		require.NoError(t, s.Restart(t.Context()))
		apply(t, c, "new")
		require.NoError(t, c.Converged(t.Context()))
		require.Equal(t, uint64(2), s.FSM().Chain().Commands)
	})
}

func TestWipedServerIsFilledBySnapshot(t *testing.T) {
	for _, cfg := range []Config{{}, {Pipes: true}} {
		synctest.Test(t, func(t *testing.T) {
			cfg.Configure = func(_ raft.ServerID, conf *raft.Config) {
				conf.SnapshotThreshold, conf.TrailingLogs, conf.SnapshotInterval = 10, 2, time.Second
			}
			c := start(t, cfg)
			l := leader(t, c)
			for i := range 50 {
				apply(t, c, fmt.Sprint(i))
			}
			time.Sleep(5 * time.Second)
			victim := other(c, l)
			require.ErrorContains(t, victim.Wipe(), "is running")
			require.NoError(t, victim.Crash(t.Context()))
			require.NoError(t, victim.Wipe())
			require.NoError(t, victim.Restart(t.Context()))
			time.Sleep(5 * time.Second)
			require.NoError(t, c.Converged(t.Context()))
			require.NotEqual(t, "0", victim.Raft().Stats()["last_snapshot_index"])
			require.Equal(t, uint64(50), victim.FSM().Chain().Commands)
		})
	}
}

func TestLogFaultsFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 1})
		s := leader(t, c)
		s.Logs().Slow(300 * time.Millisecond)
		begin := time.Now()
		apply(t, c, "slow")
		require.Equal(t, 300*time.Millisecond, time.Since(begin))
		s.Logs().Slow(0)

		s.Logs().Hang()
		time.AfterFunc(7*time.Second, s.Logs().Release)
		begin = time.Now()
		apply(t, c, "hung")
		require.Equal(t, 7*time.Second, time.Since(begin))

		full := errors.New("no space left on device")
		s.Logs().FailOnce(full)
		_, err := c.Apply(t.Context(), []byte("failed"))
		require.ErrorIs(t, err, full)
		leader(t, c) // it steps down after it has answered (raft.go, dispatchLogs), and wins again
		apply(t, c, "works again")
		require.NoError(t, c.Converged(t.Context()))
	})
}

func TestStateMachineFaultsFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 1})
		s := leader(t, c)
		s.FSM().Slow(time.Second)
		begin := time.Now()
		apply(t, c, "slow")
		require.Equal(t, time.Second, time.Since(begin))
		s.FSM().Heal()

		s.FSM().Hang()
		_, err := c.Apply(within(t, time.Second), []byte("hung"))
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.NoError(t, s.Crash(t.Context()), "a crash waits for no FSM")
		s.FSM().Release()
		require.NoError(t, s.Restart(t.Context()))
		leader(t, c)
		require.NoError(t, c.Converged(t.Context()))
		require.Equal(t, uint64(2), s.FSM().Chain().Commands)
	})
}

func TestSnapshotAndRestoreFaultsFire(t *testing.T) {
	for _, disk := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Servers: 1}
			if disk {
				cfg.Dir = t.TempDir()
			}
			c := start(t, cfg)
			s := leader(t, c)
			apply(t, c, "1")
			s.Snapshots().FailOnce(nil)
			require.ErrorContains(t, s.Raft().Snapshot().Error(), ErrInjected.Error())
			require.NoError(t, s.Raft().Snapshot().Error())
			require.NoError(t, s.Crash(t.Context()))
			s.FSM().FailRestoreOnce(nil)
			require.ErrorContains(t, s.Restart(t.Context()), "failed to load any existing snapshots")
			require.NoError(t, s.Restart(t.Context()))
			apply(t, c, "2")
			require.NoError(t, c.Converged(t.Context()))
			require.Equal(t, uint64(2), s.FSM().Chain().Commands, "the chain is in the snapshot")
		})
	}
}

func TestGuarantee5_StopThatHangsIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Servers: 1})
		require.NoError(t, err)
		s := leader(t, c)
		deaf := make(chan raft.Observation)
		s.Raft().RegisterObserver(raft.NewObserver(deaf, true, nil))
		quit := make(chan struct{})
		time.AfterFunc(2*patience, func() {
			for {
				select {
				case <-deaf:
				case <-quit:
					return
				}
			}
		})
		err = c.Close()
		require.ErrorContains(t, err, "raft of n1")
		require.ErrorContains(t, err, "does not stop")
		time.Sleep(2 * patience)
		close(quit)
	})
}
