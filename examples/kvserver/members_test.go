// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

// Discovery says of a server that it is alive if it answers, itself, and otherwise
// nothing: silence and another's voice are no evidence of death.
func TestMembersAreAliveOrUnknown(t *testing.T) {
	answers := func(id raft.ServerID) *httptest.Server {
		s := httptest.NewServer(webServer(peers.NewLocal(id, "127.0.0.1:7000", ""), newDoor()).Handler)
		t.Cleanup(s.Close)
		return s
	}
	b, other := answers("b"), answers("other")
	m := newMembers(filepath.Join(t.TempDir(), "members"), "a")
	list := func(lines ...string) {
		require.NoError(t, os.WriteFile(m.file, []byte(strings.Join(lines, "")), 0o600))
	}
	line := func(id string, raft int, s *httptest.Server) string {
		return fmt.Sprintf("%s 127.0.0.1:%d %s\n", id, raft, strings.TrimPrefix(s.URL, "http://"))
	}
	look := func() (health []string) {
		view, err := m.View(t.Context())
		require.NoError(t, err)
		require.True(t, view.Warm)
		for _, s := range view.Members {
			require.Equal(t, s.Health != peers.Alive, s.Since.IsZero())
			health = append(health, fmt.Sprint(s.ID, " ", s.Address, " ", s.Health))
		}
		return health
	}

	list(line("a", 7001, other), line("b", 7002, b), line("c", 7003, other))
	require.Equal(t, []string{"a 127.0.0.1:7001 alive", "b 127.0.0.1:7002 alive", "c 127.0.0.1:7003 unknown"}, look())
	since := m.alive["b"]
	list(line("a", 7001, other), line("b", 7009, b))
	require.Equal(t, []string{"a 127.0.0.1:7001 alive", "b 127.0.0.1:7009 alive"}, look())
	require.Equal(t, since, m.alive["b"])
	require.Equal(t, other.URL+peers.ProbePath, m.endpoint(raft.Server{ID: "c"}), "who is forgotten can still be asked")
	require.Empty(t, m.endpoint(raft.Server{ID: "d"}))
	b.Close()
	require.Equal(t, []string{"a 127.0.0.1:7001 alive", "b 127.0.0.1:7009 unknown"}, look())

	list(line("a", 7001, other), line("a", 7002, other))
	_, err := m.View(t.Context())
	require.ErrorContains(t, err, "more than once")
	list()
	_, err = m.View(t.Context())
	require.ErrorContains(t, err, "no members")
}

// Before raft runs a server says who it is, and clients why they have to wait.
func TestDoorIsShutUntilRaftRuns(t *testing.T) {
	door := newDoor()
	web := webServer(peers.NewLocal("a", "127.0.0.1:7000", ""), door).Handler
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		web.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	require.Equal(t, 200, get(peers.ProbePath).Code)
	require.Contains(t, get(peers.ProbePath).Body.String(), `"id":"a"`)
	door.wait(peers.Verdict{Reason: "2 of 3 are there"})
	for _, path := range []string{"/health", "/status", "/kv/k"} {
		require.Equal(t, 503, get(path).Code)
		require.Equal(t, `{"error":"not yet: 2 of 3 are there","leader":""}`, get(path).Body.String())
	}
}
