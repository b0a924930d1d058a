// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFloors(t *testing.T) {
	got, err := parseFloors(strings.NewReader("# table\n\ngate/test 60 tests passed # why\nproof/flaps 10_000 flaps\n"))
	require.NoError(t, err)
	require.Equal(t, floors{
		"gate/test":   {60, "tests passed"},
		"proof/flaps": {10_000, "flaps"},
	}, got)
}

func TestParseFloorsNamesTheLineItRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"listed twice", "gate/a 1 x\ngate/a 2 x\n", "floors.txt:2: gate/a is listed twice"},
		{"no unit", "gate/a 1\n", "floors.txt:1: want name, least and unit"},
		{"no count", "\ngate/a many x\n", `floors.txt:2: gate/a: "many" is not a count`},
		{"negative", "gate/a -1 x\n", "is not a count"},
		{"no kind", "a 1 x\n", `name "a"`},
		{"upper case", "gate/A 1 x\n", `name "gate/A"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseFloors(strings.NewReader(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestGatesAndFloorsAgree(t *testing.T) {
	gates := []gate{{name: "a"}, {name: "b"}}
	require.NoError(t, checkGateFloors(floors{"gate/a": {}, "gate/b": {}, "proof/x": {}}, gates))
	require.ErrorContains(t, checkGateFloors(floors{"gate/a": {}}, gates), "gate b has no floor")
	require.ErrorContains(t, checkGateFloors(floors{"gate/a": {}, "gate/b": {}, "gate/c": {}}, gates), "gate/c, and there is no such gate")
}

func TestCommittedFloorsAgreeWithTheGates(t *testing.T) {
	t.Chdir("../..")
	e, err := newEnv(t.Output())
	require.NoError(t, err)
	require.NoError(t, checkGateFloors(e.floors, allGates()))
}

func TestTally(t *testing.T) {
	table := floors{"proof/flaps": {10, "flaps"}, "gate/x": {1, "y"}}
	for _, tc := range []struct {
		name  string
		lines []string
		want  string // empty: no error
	}{
		{"at the floor", []string{"proof: flaps 10 flaps"}, ""},
		{"summed, through t.Log", []string{"    a_test.go:7: proof: flaps 4 flaps", "noise", "proof: flaps 6 flaps"}, ""},
		{"below", []string{"proof: flaps 9 flaps"}, "proof/flaps: 9 flaps is below the floor of 10"},
		{"missing", []string{"ok  	x	1s"}, `no line "proof: flaps ..." was printed`},
		{"unlisted", []string{"proof: flaps 10 flaps", "proof: seeds 3 seeds"}, "proof/seeds has no floor"},
		{"other unit", []string{"proof: flaps 10 seeds"}, `counts "seeds", its floor counts "flaps"`},
		{"two units", []string{"proof: flaps 10 flaps", "proof: flaps 1 seeds"}, "counts flaps and seeds"},
		{"no unit", []string{"proof: flaps 10"}, "want \"proof: <name> <count> <unit>\""},
		{"no number", []string{"proof: flaps ten flaps"}, `"ten" is not a count`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var sum tally
			for _, line := range tc.lines {
				sum.line(line)
			}
			err := sum.check(table)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}
