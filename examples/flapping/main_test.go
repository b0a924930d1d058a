// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShowsTheDeadlockAndTheCure(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "timeline.svg")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-n", "12", "-seed", "3", "-svg", svg}, &stdout, &stderr)
	require.Zero(t, code, "%s\n%s", stdout.String(), stderr.String())
	first, second, ok := bytes.Cut(stdout.Bytes(), []byte("2. The same with package leadership"))
	require.True(t, ok)
	require.Regexp(t, `n\d hangs: its program waits in Barrier \d of 5; its raft, a (Follower|Leader), t`, string(first))
	require.Regexp(t, `(?m)^n\d  .*\?`, string(first), "the picture shows who is stuck")
	require.Regexp(t, `Nothing hangs: leadership moved 12 times, was gained \d+ times`, string(second))
	require.NotRegexp(t, `(?m)^n\d  .*\?`, string(second))
	require.Contains(t, stderr.String(), "moved 12 of 12 times")

	picture, err := os.ReadFile(svg)
	require.NoError(t, err)
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
}

func TestBadFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"-n", "0"}, "-n is 0; want 1 to 1000"},
		{[]string{"-n", "1001"}, "-n is 1001"},
		{[]string{"-nodes", "1"}, "-nodes is 1; want 2 to 9"},
		{[]string{"-nodes", "10"}, "-nodes is 10"},
		{[]string{"-seed", "-1"}, "invalid value"},
		{[]string{"-bogus"}, "not defined: -bogus"},
		{[]string{"extra"}, `only flags; got "extra"`},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), tc.args, &stdout, &stderr), "%v", tc.args)
		require.Contains(t, stderr.String(), tc.says)
		require.Empty(t, stdout.String())
	}
}

func TestUnwritableSVGIsAnError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"-svg", filepath.Join(t.TempDir(), "no", "such.svg")}
	require.Equal(t, 1, run(t.Context(), args, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-svg")
	require.Empty(t, stdout.String(), "told before the show")
}

func TestInterruptedSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run(ctx, nil, &stdout, &stderr))
	require.Contains(t, stderr.String(), "flapping: interrupted")
}
