// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/leadership"
)

// The processes of these tests are this test binary again. So they are built
// with what the tests are built with: -race, and the same module file.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
	}
	os.Exit(m.Run())
}

const asServer = "KVSERVER_TEST_PROCESS"

func flagsWith(changed ...string) []string {
	return append([]string{"-id", "b", "-http", "h:1", "-raft", "r:1", "-dir", "d", "-peers", "a=127.0.0.1:7001,b=[::1]:7002"}, changed...)
}

func TestFlags(t *testing.T) {
	var stderr bytes.Buffer
	o, err := parse(flagsWith(), &stderr)
	require.NoError(t, err, stderr.String())
	require.Equal(t, 1, o.self)
	require.EqualValues(t, "[::1]:7002", o.peers[1].Address)
	conf := o.raftConfig()
	require.EqualValues(t, "b", conf.LocalID)
	require.Equal(t, o.heartbeat, conf.ElectionTimeout)
}

func TestBadFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says string
	}{
		{nil, `-peers has ""`},
		{flagsWith("-peers", "a=127.0.0.1:1,"), `-peers has ""; want id=host:port`},
		{flagsWith("-peers", "127.0.0.1:1"), "want id=host:port"},
		{flagsWith("-peers", "=127.0.0.1:1"), "want id=host:port"},
		{flagsWith("-peers", "b=127.0.0.1"), "want id=host:port"},
		{flagsWith("-peers", "b=:1"), "want id=host:port"},
		{flagsWith("-peers", "b=h:"), "want id=host:port"},
		{flagsWith("-peers", "b=h:1,b=h:2"), "twice"},
		{flagsWith("-peers", "b=h:1,c=h:1"), "twice"},
		{flagsWith("-id", "c"), `-id "c" is not one of -peers`},
		{flagsWith("-id", ""), `-id "" is not one of -peers`},
		{flagsWith("-http", ""), "it takes -http"},
		{flagsWith("-raft", ""), "it takes -http, -raft"},
		{flagsWith("-dir", ""), "it takes -http, -raft, -dir"},
		{flagsWith("extra"), "and no arguments"},
		{flagsWith("-heartbeat", "19ms"), "-heartbeat is 19ms"},
		{flagsWith("-heartbeat", "61s"), "-heartbeat is 1m1s"},
		{flagsWith("-snapshot", "-1"), "invalid value"},
		{flagsWith("-leave"), "not defined: -leave"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), tc.args, &stdout, &stderr), "%v", tc.args)
		require.Contains(t, stderr.String(), tc.says)
		require.Empty(t, stdout.String())
	}
	require.Equal(t, 0, run(t.Context(), []string{"-h"}, &bytes.Buffer{}, &bytes.Buffer{}))
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	base := flagsWith("-http", "127.0.0.1:0", "-raft", "127.0.0.1:0", "-dir", t.TempDir())
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"-http", "127.0.0.1:none"}, "none"},
		{[]string{"-raft", "127.0.0.1:none"}, "none"},
		{[]string{"-peers", "b=127.0.0.1:none"}, "none"},
		{[]string{"-peers", "b=0.0.0.0:7002"}, "not advertisable"},
		{[]string{"-dir", filepath.Join(file, "x")}, "not a directory"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 1, run(t.Context(), append(base, tc.args...), &stdout, &stderr))
		require.Regexp(t, `(?m)^kvserver: .*`+tc.says, stderr.String())
		require.Empty(t, stdout.String())
	}
}

func TestHealthCodes(t *testing.T) {
	for health, code := range map[leadership.Health]int{
		leadership.Follower: 200, leadership.Ready: 200, leadership.NotReady: 503, leadership.Stuck: 503,
	} {
		require.Equal(t, code, healthCode(health), health)
	}
}
