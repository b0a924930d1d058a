// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

func TestGuarantee2_RequestedFaultThatNeverFiredFailsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{})
		require.NoError(t, err)
		leader(t, c)
		c.Server("n1").Snapshots().FailOnce(nil)
		c.Server("n2").FSM().FailRestoreOnce(nil)
		require.NoError(t, c.Network().Isolate("n3"))
		time.Sleep(10 * time.Second)
		err = c.Close()
		require.ErrorIs(t, err, ErrNeverFired)
		require.ErrorContains(t, err, "fail-snapshot, fail-restore")
		require.NotContains(t, err.Error(), "isolate")
		require.Equal(t, err, c.Close(), "again the same")
		require.Equal(t, []Kind{FailSnapshot, FailRestore}, c.Faults().Silent())
		require.Contains(t, c.Faults().String(), "fail-snapshot=0/1")
	})
}

func TestGuarantee4_OracleFindsASeededDivergence(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Cluster, *Server)
		want  string
	}{
		"state machine misses a command": {func(_ *Cluster, s *Server) {
			s.fsm.machine.mu.Lock()
			s.fsm.machine.chain.Sum++
			s.fsm.machine.mu.Unlock()
		}, "ends at index"},
		"log entry with other bytes": {func(c *Cluster, s *Server) {
			var l raft.Log
			last := s.Raft().LastIndex()
			for ; l.Type != raft.LogCommand || l.Data == nil; last-- {
				_ = s.disk.logs.GetLog(last, &l)
			}
			l.Data = []byte("forged")
			_ = s.disk.logs.StoreLog(&l)
		}, "hold other bytes"},
		"log entry of another term": {func(c *Cluster, s *Server) {
			var l raft.Log
			_ = s.disk.logs.GetLog(2, &l)
			l.Term += 5
			_ = s.disk.logs.StoreLog(&l)
		}, "logs differ at committed index 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, err := New(Config{})
				require.NoError(t, err)
				for i := range 5 {
					apply(t, cluster, fmt.Sprint(i))
				}
				require.NoError(t, cluster.Converged(t.Context()))
				c.spoil(cluster, other(cluster, leader(t, cluster)))
				err = cluster.Converged(t.Context())
				require.ErrorIs(t, err, ErrViolated)
				require.ErrorContains(t, err, c.want)
				require.ErrorIs(t, cluster.Close(), ErrViolated)
			})
		})
	}
}

// Entries that were acknowledged vanish from every log, and with them the
// ground below the commit index: no leader commits again, so none can be asked.
func TestGuarantee4_LostWritesAreReportedWithoutALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		leader(t, c)
		apply(t, c, "kept")
		lost := apply(t, c, "lost")
		require.NoError(t, c.Converged(t.Context()))
		require.NoError(t, c.Network().Partition([]raft.ServerID{"n1"}, []raft.ServerID{"n2"}, []raft.ServerID{"n3"}))
		for _, log := range c.disks() {
			require.NoError(t, log.DeleteRange(lost, lost+10))
		}
		err = c.Converged(within(t, 5*time.Second))
		require.ErrorIs(t, err, ErrViolated)
		require.ErrorContains(t, err, "acknowledged write at index")
		require.ErrorIs(t, c.Close(), ErrViolated)
	})
}

func TestLedgerNamesServerIndexAndTerms(t *testing.T) {
	var a, b Chain
	l := new(ledger)
	see := func(server raft.ServerID, chain *Chain, index, term uint64, data string) {
		*chain = chain.link(index, term, hash([]byte(data)))
		l.applied(server, term, hash([]byte(data)), *chain)
	}
	see("n1", &a, 4, 2, "x")
	see("n2", &b, 4, 2, "x")
	l.acknowledged("n1", 4, hash([]byte("x")))
	see("n1", &a, 5, 2, "y")
	require.NoError(t, l.check())

	lost := b
	see("n2", &b, 5, 3, "z")
	require.ErrorContains(t, l.check(), "n2 applied another command at index 5 (term 3) than n1 (term 2)")
	l.violations = nil
	l.compare("n3", Chain{})
	require.ErrorContains(t, l.check(), "acknowledged at index 4, term 2")
	l.violations = nil
	see("n3", &lost, 6, 4, "gap")
	require.ErrorContains(t, l.check(), "n3 reached index 6, term 4, without every command")
	l.violations = nil
	l.applied("n4", 2, 1, Chain{Index: 3})
	require.ErrorContains(t, l.check(), "n4 applied a command at index 3")
	l.violations = nil
	l.acknowledged("n1", 9, 1)
	require.ErrorContains(t, l.check(), "index 9 that nobody applied")
	for range 20 {
		l.acknowledged("n1", 9, 1)
	}
	require.ErrorContains(t, l.check(), "and 11 more")
}

func TestConvergedNamesTheServerThatIsDownOrBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		s := other(c, leader(t, c))
		require.NoError(t, s.Crash(t.Context()))
		require.ErrorIs(t, c.Converged(t.Context()), ErrDown)
		require.NoError(t, s.Restart(t.Context()))
		s.FSM().Hang()
		apply(t, c, "x")
		err := c.Converged(within(t, time.Second))
		require.ErrorContains(t, err, fmt.Sprintf("%s has applied", s.ID()))
		require.ErrorContains(t, err, "is a fault still on?")
	})
}

// A leak must be reported without anybody looking for it: synctest panics. So
// the cluster must not be what leaks, and a goroutine that is forgotten must be.
func TestGuarantee5_ForgottenGoroutineIsReported(t *testing.T) {
	defer func() { require.Contains(t, fmt.Sprint(recover()), "blocked goroutines remain") }()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		leader(t, c)
		go func() { <-make(chan int) }()
	})
}

func TestServersWithoutAVoteStartBlank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Servers: 4, Voters: 3})
		l := leader(t, c)
		require.Empty(t, c.Server("n4").Raft().GetConfiguration().Configuration().Servers)
		require.NoError(t, l.Raft().AddVoter("n4", c.Server("n4").Address(), 0, time.Second).Error())
		require.NoError(t, c.Converged(t.Context()))
		require.Equal(t, c.Server("n4").Raft().LastIndex(), l.Raft().LastIndex())
	})
}

func TestInnerStateMachineTravelsInSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := make(map[raft.ServerID]*raft.MockFSM)
		c := start(t, Config{FSM: func(id raft.ServerID) raft.FSM {
			inner[id] = new(raft.MockFSM)
			return inner[id]
		}})
		apply(t, c, "1")
		apply(t, c, "2")
		require.NoError(t, c.Converged(t.Context()))
		s := c.Server("n1")
		require.NoError(t, s.Raft().Snapshot().Error())
		require.NoError(t, s.Crash(t.Context()))
		require.NoError(t, s.Restart(t.Context()))
		require.Equal(t, [][]byte{[]byte("1"), []byte("2")}, inner["n1"].Logs())
		require.NoError(t, c.Converged(t.Context()))
	})
}

func TestNewRefusesBadConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"Servers is 10":            {Servers: 10},
		"Servers is -1":            {Servers: -1},
		"Voters is 4":              {Voters: 4},
		"RPCTimeout is -1ns":       {RPCTimeout: -1},
		"cannot start on dead":     {Link: Link{Cut: true}},
		"Drop is 2":                {Link: Link{Drop: 2}},
		"single server":            {Servers: 1, Link: Link{MaxDelay: 1}},
		"delay -1ns to 0s":         {Link: Link{MinDelay: -1}},
		"Duplicate: a byte stream": {Pipes: true, Link: Link{Duplicate: 1}},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := New(Config{Configure: func(id raft.ServerID, conf *raft.Config) {
			if id == "n3" {
				conf.ElectionTimeout = 1
			}
		}})
		require.ErrorContains(t, err, "start n3")
	})
}

// failedT is a TestingT of a test that failed.
type failedT struct {
	log      strings.Builder
	cleanups []func()
}

func (f *failedT) Helper()                         {}
func (f *failedT) Failed() bool                    { return true }
func (f *failedT) Cleanup(g func())                { f.cleanups = append(f.cleanups, g) }
func (f *failedT) Logf(format string, args ...any) { fmt.Fprintf(&f.log, format, args...) }

func TestReportOfAFailedTest(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Seed: 42})
		f := new(failedT)
		c.ReportTo(f)
		schedule, err := ParseSchedule("+1s isolate leader for=3s; +2s kick other")
		require.NoError(t, err)
		require.NoError(t, c.Run(t.Context(), schedule))
		c.Record(timeline.Event{Server: "n1", Kind: timeline.Note, Text: "seen by the caller"})
		for _, g := range f.cleanups {
			g()
		}
		for _, want := range []string{"seed 42", schedule.String(), "isolate=", "seen by the caller", "n3"} {
			require.Contains(t, f.log.String(), want)
		}
		_, path, ok := strings.Cut(f.log.String(), "picture: ")
		require.True(t, ok, f.log.String())
		svg, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Contains(svg, []byte("<svg")))
		require.Equal(t, "timeline-seed42.svg", filepath.Base(path))
	})
}

func TestTimelineRecordsElectionsAndFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		_, err := c.Flap(t.Context(), Crash)
		require.NoError(t, err)
		seen := make(map[timeline.Kind]int)
		for _, e := range c.Timeline().Events {
			seen[e.Kind]++
		}
		require.Equal(t, 1, seen[timeline.Down])
		require.GreaterOrEqual(t, seen[timeline.Up], 4)
		require.GreaterOrEqual(t, seen[timeline.Gain], 2)
		require.GreaterOrEqual(t, seen[timeline.Candidate], 2)
		require.Equal(t, seen[timeline.Gain]-1, seen[timeline.Loss])
	})
}
