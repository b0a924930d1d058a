// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

var n1 = raft.Server{ID: "n1", Address: "10.0.0.1:8300"}

// proberOf asks handler, wherever the server is.
func proberOf(t *testing.T, handler http.Handler) Prober {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return NewHTTPProber(nil, func(raft.Server) string { return server.URL + ProbePath })
}

// answer is a handler that says body.
func answer(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestGuarantee17_BothEndsAgreeBeforeRaftExists(t *testing.T) {
	local := NewLocal("n1", "10.0.0.1:8300", "cluster")
	mux := http.NewServeMux()
	mux.Handle(ProbePath, local)
	prober := proberOf(t, mux)

	reply, err := prober.Probe(t.Context(), n1)
	require.NoError(t, err)
	require.Equal(t, Reply{ID: "n1", Address: "10.0.0.1:8300", ClusterID: "cluster"}, reply)

	local.update(func(r *Reply) { *r = fullReply })
	reply, err = prober.Probe(t.Context(), n1)
	require.NoError(t, err)
	require.Equal(t, fullReply, reply)
}

// An endpoint that answers with another ID is a finding, and the caller's to see.
func TestGuarantee17_WhoeverAnswersIsReturned(t *testing.T) {
	reply, err := proberOf(t, NewLocal("somebody-else", "10.0.0.9:8300", "")).Probe(t.Context(), n1)
	require.NoError(t, err)
	require.Equal(t, raft.ServerID("somebody-else"), reply.ID)
}

func TestGuarantee17_LocalAnswersGETOnly(t *testing.T) {
	local := NewLocal("n1", "10.0.0.1:8300", "")
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		local.ServeHTTP(w, httptest.NewRequest(method, ProbePath, nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "GET", w.Header().Get("Allow"))
	}
	w := httptest.NewRecorder()
	local.ServeHTTP(w, httptest.NewRequest(http.MethodGet, ProbePath, nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, minimal, w.Body.String())

	w = httptest.NewRecorder()
	NewLocal("n\xff", "10.0.0.1:8300", "").ServeHTTP(w, httptest.NewRequest(http.MethodGet, ProbePath, nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), "not UTF-8")
}

func TestGuarantee17_TheProberNamesWhatIsWrongAndWhere(t *testing.T) {
	elsewhere := httptest.NewServer(NewLocal("n1", "10.0.0.1:8300", ""))
	t.Cleanup(elsewhere.Close)
	for _, tc := range []struct {
		name    string
		handler http.Handler
		say     string
	}{
		{"status", answer(http.StatusNotFound, "application/json", minimal), "status 404"},
		{"content type", answer(http.StatusOK, "text/html", minimal), `content type "text/html"`},
		{"refusal", answer(http.StatusForbidden, "text/plain", "no token"+strings.Repeat("x", 5000)), `"no token`},
		{"no reply", answer(http.StatusOK, "application/json", `{"id":"n1"}`), `no "address"`},
		{"trailing", answer(http.StatusOK, "application/json", minimal+minimal), "after top-level value"},
		{"endless", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for line := []byte(strings.Repeat(" ", 1<<16)); ; {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}), "more than 1048576 bytes"},
		{"redirect", http.RedirectHandler(elsewhere.URL, http.StatusFound), "status 302"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply, err := proberOf(t, tc.handler).Probe(t.Context(), n1)
			require.Zero(t, reply)
			require.ErrorContains(t, err, tc.say)
			require.ErrorContains(t, err, `probe of "n1" at http://127.0.0.1:`)
			require.Less(t, len(err.Error()), 600)
		})
	}
	_, err := NewHTTPProber(nil, func(raft.Server) string { return "" }).Probe(t.Context(), n1)
	require.ErrorContains(t, err, `probe of "n1": no place to ask is known`)
	_, err = NewHTTPProber(nil, func(raft.Server) string { return "http://me:secret@127.0.0.1:0/" }).Probe(t.Context(), n1)
	require.ErrorContains(t, err, "http://me:xxxxx@127.0.0.1:0/")
	require.NotContains(t, err.Error(), "secret")
	_, err = NewHTTPProber(nil, func(raft.Server) string { return "http://secret:%zz" }).Probe(t.Context(), n1)
	require.ErrorContains(t, err, "no URL")
}

// hung is a transport that answers when the request is given up.
type hung struct{}

func (hung) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestGuarantee17_AProbeEndsWithItsContext(t *testing.T) {
	prober := NewHTTPProber(&http.Client{Transport: hung{}}, func(raft.Server) string { return "http://10.0.0.1:8080" + ProbePath })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := prober.Probe(ctx, n1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, `peers: probe of "n1" at http://10.0.0.1:8080/raftkeel/peers: context deadline exceeded`, fmt.Sprint(err))
}

// hungLogs is a disk that hangs until it is let go.
type hungLogs struct {
	raft.LogStore
	free chan struct{}
}

func (h hungLogs) GetLog(index uint64, log *raft.Log) error {
	<-h.free
	return h.LogStore.GetLog(index, log)
}

// Once raft runs, Local says what raft says; while the disk hangs, it can be told that
// this server leaves.
func TestGuarantee17_LocalFollowsRaft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = "n1", hclog.NewNullLogger()
		store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
		_, transport := raft.NewInmemTransport("10.0.0.1:8300")
		list := []raft.Server{n1}
		require.NoError(t, raft.BootstrapCluster(config, store, store, snapshots, transport, raft.Configuration{Servers: list}))
		r, err := raft.NewRaft(config, noFSM{}, store, store, snapshots, transport)
		require.NoError(t, err)
		time.Sleep(10 * time.Second)

		local := NewLocal("n1", "10.0.0.1:8300", "")
		logs := hungLogs{store, make(chan struct{})}
		local.mu.Lock()
		local.logs = logs
		local.mu.Unlock()
		local.attach(r)
		replies := make(chan Reply, 1)
		go func() { replies <- local.Reply() }()
		synctest.Wait()
		local.update(func(reply *Reply) { reply.Leaving = true }) // does not wait for the disk
		require.Empty(t, replies)
		close(logs.free)
		<-replies
		require.Equal(t, Reply{
			ID: "n1", Address: "10.0.0.1:8300", HasState: true, Term: 2, LastTerm: 2, LastIndex: 2, CommitIndex: 2,
			Servers: list, ConfigIndex: 1, Running: true, Leading: true, Leader: "n1", Leaving: true,
		}, local.Reply())
		require.NoError(t, r.Shutdown().Error())
	})
}
