// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestScheduleTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Random(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 40).Draw(t, "n"))
		got, err := ParseSchedule(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestScheduleIsPureFunctionOfSeed(t *testing.T) {
	require.Equal(t, Random(7, 30), Random(7, 30))
	require.NotEqual(t, Random(7, 30), Random(8, 30))
	for _, s := range Random(7, 30, Kick, Drop) {
		require.Contains(t, []Kind{Kick, Drop}, s.Kind)
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for _, text := range []string{
		"kick n1", "+1s flick n1", "+1s kick", "+1s kick n1 for=1s", "+1s crash n1",
		"+1s drop n1 for=1s", "+1s drop n1 p=2 for=1s", "+1s drop n1 p=NaN for=1s",
		"+-1s kick n1", "+1s delay n1 for=1s", "+1s crash n1 for=1s x=2", "+1s fail-restore n1 for=1s",
		"+1s crash n1 d=1s for=1s", "+1s kick n1; ",
	} {
		_, err := ParseSchedule(text)
		require.Error(t, err, text)
	}
}

// The schedules are long enough for every kind to be in them; Close then
// demands that every kind fired, and Converged that raft survived it.
func TestRunRandomSchedules(t *testing.T) {
	runRandom(t, 8, 60, Config{Link: Link{MinDelay: 200 * time.Microsecond, MaxDelay: 2 * time.Millisecond}})
}

// runRandom lets raft itself fail the oracle now and then, which it does in about
// one of 300 schedules: see TestUpstreamFollowerCommitsWhatItNeverVerified.
func runRandom(t *testing.T, seeds uint64, steps int, cfg Config, kinds ...Kind) {
	violated := 0
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			cfg.Seed = seed
			c, err := New(cfg)
			require.NoError(t, err)
			c.ReportTo(t)
			t.Cleanup(func() { _ = c.Close() }) // when an assertion below fails
			err = c.Run(t.Context(), Random(seed, steps, kinds...))
			err = errors.Join(err, c.Converged(t.Context()), c.Close())
			if errors.Is(err, ErrViolated) {
				violated++
				t.Log(err)
				return
			}
			require.NoError(t, err)
			t.Logf("seed %d: %v", seed, c.Faults())
		})
	}
	require.LessOrEqual(t, violated, 1+int(seeds/50))
}

// TestUpstreamFollowerCommitsWhatItNeverVerified pins a flaw of raft that this
// package found: a follower commits up to min(LeaderCommitIndex, its own last
// index), where the Raft paper says index of the last new entry (raft.go,
// appendEntries). An AppendEntries without entries then makes it apply whatever it has
// beyond PrevLogEntry, here an entry of a deposed leader. When this test fails, raft
// has been mended: drop it, and the tolerance of runRandom.
func TestUpstreamFollowerCommitsWhatItNeverVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		s, ctx := c.Server("n1"), within(t, time.Minute)
		n, err := s.running()
		require.NoError(t, err)
		send := func(req *raft.AppendEntriesRequest) {
			req.RPCHeader, req.PrevLogEntry, req.PrevLogTerm = header(), 1, 1
			answer := make(chan raft.RPCResponse, 1)
			require.NoError(t, s.hand(ctx, n, req, answer))
			require.True(t, (<-answer).Response.(*raft.AppendEntriesResponse).Success)
		}
		ghost := &raft.Log{Index: 2, Term: 2, Type: raft.LogCommand, Data: []byte("of a deposed leader, never committed")}
		send(&raft.AppendEntriesRequest{Term: 2, Entries: []*raft.Log{ghost}})
		synctest.Wait()
		require.Zero(t, s.FSM().Chain().Commands)
		// The leader of term 3 has committed its own entry 2, and has not sent it yet.
		send(&raft.AppendEntriesRequest{Term: 3, LeaderCommitIndex: 2})
		synctest.Wait()
		require.Equal(t, uint64(1), s.FSM().Chain().Commands, "the ghost was applied")
	})
}
