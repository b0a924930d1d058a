// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func counts(n int64, err error) func(context.Context, *env) (int64, error) {
	return func(context.Context, *env) (int64, error) { return n, err }
}

func TestGateIsRedWheneverItProvesNothing(t *testing.T) {
	e := &env{floors: floors{"gate/a": {5, "things"}}, out: io.Discard}
	for _, tc := range []struct {
		name string
		gate gate
		want string // empty: green
	}{
		{"at the floor", gate{"a", counts(5, nil)}, ""},
		{"below the floor", gate{"a", counts(4, nil)}, "4 things is below the floor of 5"},
		{"failing command", gate{"a", counts(9, errors.New("exit status 1"))}, "exit status 1"},
		{"no floor", gate{"b", counts(9, nil)}, "gate b has no floor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runGate(t.Context(), e, tc.gate)
			if tc.want == "" {
				require.NoError(t, r.err)
				return
			}
			require.ErrorContains(t, r.err, tc.want)
		})
	}
}

func TestInterruptedGateIsRed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &env{floors: floors{"gate/a": {0, "things"}}}
	require.ErrorIs(t, runGate(ctx, e, gate{"a", counts(1, nil)}).err, context.Canceled)
}

func TestSummaryEndsWithTheLineReadersLookFor(t *testing.T) {
	for _, tc := range []struct {
		gates []gate
		exit  int
		want  string
	}{
		{[]gate{{"a", counts(5, nil)}}, 0, "\n1 passed, 0 failed\n"},
		{[]gate{{"a", counts(5, nil)}, {"a", counts(4, nil)}}, 1, "\n1 passed, 1 failed\n"},
		{nil, 1, "\n0 passed, 0 failed\n"},
	} {
		var out bytes.Buffer
		e := &env{floors: floors{"gate/a": {5, "things"}}, out: &out}
		require.Equal(t, tc.exit, runGates(t.Context(), e, tc.gates))
		require.True(t, strings.HasSuffix(out.String(), tc.want), out.String())
	}
}

func TestChoose(t *testing.T) {
	all := []gate{{name: "a"}, {name: "b"}}
	got, err := choose(all, nil)
	require.NoError(t, err)
	require.Len(t, got, 2)
	got, err = choose(all, []string{"b"})
	require.NoError(t, err)
	require.Equal(t, "b", got[0].name)
	_, err = choose(all, []string{"c"})
	require.EqualError(t, err, `no gate "c"; there are a, b`)
}

func TestSlowSuccessIsAFailure(t *testing.T) {
	_, err := within(0, func() (int64, error) { time.Sleep(time.Millisecond); return 1, nil })
	require.ErrorContains(t, err, "the limit is 0 s")
	n, err := within(time.Hour, func() (int64, error) { return 1, nil })
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
}

func TestNoCountIsNotZero(t *testing.T) {
	n, err := lastCount(mutantsLine, "x\nmutants: 3 killed of 4\n")
	require.NoError(t, err)
	require.Equal(t, int64(3), n)
	_, err = lastCount(mutantsLine, "no mutants: 3 killed of 4, or so\n")
	require.ErrorContains(t, err, "no count")
}

func TestTestRunCountsTopLevelTests(t *testing.T) {
	var out bytes.Buffer
	run := &testRun{out: &out, held: map[string][]string{}}
	var stream bytes.Buffer
	for _, ev := range []event{
		{"output", "p", "TestA", "loud\n"},
		{"pass", "p", "TestA/sub", ""},
		{"pass", "p", "TestA", ""},
		{"output", "p", "TestS", "a.go:1: why\n"},
		{"skip", "p", "TestS", ""},
		{"output", "p", "TestHangs", "hung here\n"},
		{"output", "p", "", "FAIL\tp\t1s\n"},
		{"fail", "p", "", ""},
	} {
		line, err := json.Marshal(ev)
		require.NoError(t, err)
		stream.Write(append(line, '\n'))
	}
	stream.WriteString("go: no space left on device\n")
	require.NoError(t, run.read(&stream))
	require.Equal(t, int64(1), run.passed)
	require.Equal(t, []string{"p"}, run.failed)
	require.Equal(t, "skipped p.TestS: a.go:1: why\nFAIL\tp\t1s\nhung here\ngo: no space left on device\n", out.String())
}

func TestDeadlineRaceIsToldFromAFinding(t *testing.T) {
	const flake = "fuzz: elapsed: 15s, execs: 9 (0/sec)\n--- FAIL: FuzzX (15.1s)\n    context deadline exceeded\nFAIL\nexit status 1\n"
	require.True(t, deadlineRace(flake))
	require.False(t, deadlineRace("ok\n"))
	require.False(t, deadlineRace(strings.Replace(flake, "context", "x_test.go:1: context", 1)))
	require.False(t, deadlineRace(flake+"Failing input written to testdata/fuzz/FuzzX/1\n"))
}
