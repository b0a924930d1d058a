// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/leadership"
	"github.com/raftkeel/raftkeel/peers"
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
	return append([]string{"-id", "b", "-http", "h:1", "-raft", "r:1", "-dir", "d", "-members", "m", "-expect", "3"}, changed...)
}

func TestFlags(t *testing.T) {
	var stderr bytes.Buffer
	o, err := parse(flagsWith("-voters", "3"), &stderr)
	require.NoError(t, err, stderr.String())
	require.Equal(t, 3, o.expect)
	require.False(t, o.leave)
	conf := o.raftConfig()
	require.EqualValues(t, "b", conf.LocalID)
	require.Equal(t, o.heartbeat, conf.ElectionTimeout)
	require.Equal(t, peers.Policy{
		TargetVoters: 3, DeadAfter: time.Minute, AbsentAfter: 10 * time.Minute, StableFor: 10 * time.Second, RemovalEvery: time.Minute,
	}, o.policy(), "the times are those of the library")
}

func TestBadFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says string
	}{
		{nil, "it takes -id"},
		{flagsWith("-id", ""), "it takes -id"},
		{flagsWith("-http", ""), "it takes -id, -http"},
		{flagsWith("-raft", ""), "it takes -id, -http, -raft"},
		{flagsWith("-dir", ""), "it takes -id, -http, -raft, -dir"},
		{flagsWith("-members", ""), "it takes -id, -http, -raft, -dir, -members"},
		{flagsWith("extra"), "and no arguments"},
		{flagsWith("-expect", "-1"), "either -expect"},
		{flagsWith("-expect", "0"), "or -join"},
		{flagsWith("-join"), "either -expect"},
		{flagsWith("-expect", "-1", "-join"), "either -expect"},
		{flagsWith("-voters", "-1"), "TargetVoters is -1"},
		{flagsWith("-forget", "999ms"), "-forget is 999ms"},
		{flagsWith("-heartbeat", "19ms"), "-heartbeat is 19ms"},
		{flagsWith("-heartbeat", "61s"), "-heartbeat is 1m1s"},
		{flagsWith("-snapshot", "-1"), "invalid value"},
		{flagsWith("-peers"), "not defined: -peers"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), tc.args, &stdout, &stderr), "%v", tc.args)
		require.Contains(t, stderr.String(), tc.says)
		require.Empty(t, stdout.String())
	}
	require.Equal(t, 0, run(t.Context(), []string{"-h"}, &bytes.Buffer{}, &bytes.Buffer{}))
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	good := file("good", "b 127.0.0.1:7002 127.0.0.1:8002\n")
	base := flagsWith("-http", "127.0.0.1:0", "-raft", "127.0.0.1:0", "-dir", t.TempDir(), "-members", good)
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"-http", "127.0.0.1:none"}, "none"},
		{[]string{"-raft", "127.0.0.1:none"}, "none"},
		{[]string{"-id", "c"}, `-id "c" is not in .*good`},
		{[]string{"-members", filepath.Join(dir, "none")}, "no such file"},
		{[]string{"-members", file("empty", "")}, `-id "b" is not in`},
		{[]string{"-members", file("torn", "b 127.0.0.1:7002 127.0.0.1:80")}, "torn has the line .* want an id"},
		{[]string{"-members", file("short", "b 127.0.0.1:7002\n")}, "short has the line .* want an id"},
		{[]string{"-members", file("large", strings.Repeat("\n", maxMembers+1))}, "large has more than"},
		{[]string{"-members", file("named", "b 127.0.0.1:none h:1\n")}, "none"},
		{[]string{"-members", file("any", "b 0.0.0.0:7002 h:1\n")}, "not advertisable"},
		{[]string{"-dir", filepath.Join(good, "x")}, "not a directory"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 1, run(t.Context(), append(base, tc.args...), &stdout, &stderr))
		require.Regexp(t, `(?m)^kvserver: .*`+tc.says, stderr.String())
	}
}

func TestHealthCodes(t *testing.T) {
	for health, code := range map[leadership.Health]int{
		leadership.Follower: 200, leadership.Ready: 200, leadership.NotReady: 503, leadership.Stuck: 503,
	} {
		require.Equal(t, code, healthCode(health), health)
	}
}
