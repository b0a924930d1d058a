// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

const transfers = 20

// Six clients write and read while the leader is paused, a server is killed,
// leadership is handed over twenty times, and a leader is stopped. The whole
// history is linearizable, and every acknowledged write is on every server
// after all that, and a restart.
func TestEveryAcknowledgedWriteSurvives(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	g := startGroup(t, 3)
	whoLeads(ctx, t, g)
	l := startLoad(ctx, g, 1)
	for _, fault := range []struct {
		name   string
		inject func(context.Context, *testing.T, group, *load)
	}{
		{"pause the leader", pauseLeader},
		{"kill a follower", killFollower},
		{"transfer leadership", transferLeadership},
		{"stop the leader", stopLeader},
	} {
		start := time.Now()
		l.grant(60)
		fault.inject(ctx, t, g, l)
		l.grant(60)
		l.caughtUp(ctx, t)
		t.Logf("%s: %v", fault.name, time.Since(start))
	}
	l.stop()
	start := time.Now()
	loseQuorum(ctx, t, g)
	t.Logf("lose the quorum: %v", time.Since(start))
	everythingIsThere(ctx, t, g, l)

	require.Equal(t, porcupine.Ok, l.history.check())
	t.Logf("%d operations, %d of them with unknown outcome; %d keys that were written once, and are there",
		len(l.history.ops), l.history.unknowns(), len(l.acked))
	for key := range l.acked { // the check can fail
		l.history.end(clients, request{op: read, key: key}, l.history.begin(), seen{})
		break
	}
	require.Equal(t, porcupine.Illegal, l.history.check())
}

// whoLeads waits until the servers agree who leads and answer accordingly.
func whoLeads(ctx context.Context, t *testing.T, g group) {
	last := ""
	poll(ctx, t, func() string { return last }, func() bool {
		leader := g.leader(ctx, t)
		for _, p := range g.but(leader) {
			for _, r := range []struct {
				method, path string
				want         answered
			}{
				{"GET", "/health", answered{200, "follower", ""}},
				{"PUT", "/kv/k", answered{503, errNotServing.Error(), leader.id}},
				{"DELETE", "/kv/k", answered{503, errNotServing.Error(), leader.id}},
				{"GET", "/kv/k", answered{503, errNotServing.Error(), leader.id}},
				{"GET", "/kv/none?stale=1", answered{404, errNoKey.Error(), leader.id}},
			} {
				a, err := p.send(ctx, r.method, r.path, "")
				last = fmt.Sprintf("%s %s of %s: %+v %v", r.method, r.path, p.id, a, err)
				if err != nil || a.code != r.want.code || a.leader != r.want.leader || !strings.Contains(a.body, r.want.body) {
					return false
				}
			}
		}
		return true
	})
}

// pauseLeader also leaves the paused leader reads to answer when it wakes up,
// still sure that it leads.
func pauseLeader(ctx context.Context, t *testing.T, g group, l *load) {
	old := g.put(ctx, t, "paused", "before")
	<-old.reads(ctx, "paused", 16) // opens as many connections
	old.signal(t, syscall.SIGSTOP)
	l.grant(60)
	g.but(old).put(ctx, t, "paused", "after")
	late := old.reads(ctx, "paused", 16)
	old.signal(t, syscall.SIGCONT)
	for _, a := range <-late {
		if a.code != http.StatusServiceUnavailable {
			require.Equal(t, "after", a.body, "%+v", a)
		}
	}
	old.holds(ctx, t, "paused", "after")
}

// reads returns when n linearizable reads have been sent at once. Their answers
// come together.
func (p *process) reads(ctx context.Context, key string, n int) <-chan []answered {
	var sent, answers sync.WaitGroup
	sent.Add(n)
	got, all := make([]answered, n), make(chan []answered, 1)
	for i := range got {
		answers.Go(func() {
			wrote := sync.OnceFunc(sent.Done)
			defer wrote() // or it could not be
			ctx := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { wrote() },
			})
			a, err := p.send(ctx, "GET", "/kv/"+key, "")
			if err != nil {
				a.body = err.Error()
			}
			got[i] = a
		})
	}
	go func() {
		answers.Wait()
		all <- got
	}()
	sent.Wait()
	return all
}

func killFollower(ctx context.Context, t *testing.T, g group, l *load) {
	leader := g.leader(ctx, t)
	victim := g.but(leader)[0]
	victim.kill(ctx, t)
	l.grant(60)
	l.caughtUp(ctx, t)
	g.but(victim).put(ctx, t, "killed", "meanwhile")
	victim.start(t)
	victim.holds(ctx, t, "killed", "meanwhile")
}

func transferLeadership(ctx context.Context, t *testing.T, g group, l *load) {
	for moved, tries := 0, 0; moved < transfers; tries++ {
		require.Less(t, tries, 3*transfers, "raft may refuse a transfer, but not so many")
		l.grant(20) // under way while leadership moves
		from := g.leader(ctx, t)
		to := g.but(from)[moved%2]
		a, err := from.send(ctx, "POST", "/transfer?to="+url.QueryEscape(to.id), "")
		if err != nil || a.code != http.StatusOK {
			t.Logf("transfer from %s to %s: %+v %v", from.id, to.id, a, err)
			continue
		}
		if g.leader(ctx, t) != from {
			moved++
		}
		l.caughtUp(ctx, t)
	}
}

// stopLeader: a stop is a stop and never a leave. The others lead on, and it is
// one of them again when it comes back.
func stopLeader(ctx context.Context, t *testing.T, g group, l *load) {
	leader := g.leader(ctx, t)
	leader.signal(t, syscall.SIGTERM)
	require.Zero(t, leader.exit(ctx, t))
	l.grant(20)
	g.but(leader).put(ctx, t, "stopped", "meanwhile")
	leader.start(t)
	leader.holds(ctx, t, "stopped", "meanwhile")
}

// loseQuorum ends with all servers up and the group ready.
func loseQuorum(ctx context.Context, t *testing.T, g group) {
	leader := writeOfUnknownOutcome(ctx, t, g)
	for _, p := range g.but(leader) {
		p.kill(ctx, t)
	}
	leader.healthy(ctx, t, "follower")
	for method, body := range map[string]string{"GET": "", "PUT": "other", "DELETE": ""} {
		a, err := leader.send(ctx, method, "/kv/alone", body)
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, a.code, "%s: %s", method, a.body)
	}
	leader.holds(ctx, t, "alone", "v")
	poll(ctx, t, func() string { return "no snapshot" }, func() bool {
		snapshots, err := filepath.Glob(filepath.Join(leader.dir, "snapshots", "*-*", "state.bin"))
		return err == nil && len(snapshots) > 0
	})
	leader.kill(ctx, t) // it restores one
	for _, p := range g {
		p.start(t)
	}
	for _, p := range g {
		p.holds(ctx, t, "alone", "v")
	}
}

// writeOfUnknownOutcome stops the followers while the leader still leads, and
// returns it: it has the write in its log, and cannot know what becomes of it.
func writeOfUnknownOutcome(ctx context.Context, t *testing.T, g group) (leader *process) {
	poll(ctx, t, func() string { return "no write of unknown outcome" }, func() bool {
		leader = g.put(ctx, t, "alone", "v")
		for _, p := range g.but(leader) {
			p.signal(t, syscall.SIGSTOP)
		}
		a, err := leader.send(ctx, "PUT", "/kv/unsure", "v")
		if err == nil && a.code == http.StatusGatewayTimeout {
			return true
		}
		for _, p := range g.but(leader) { // it had stepped down by then, or had not yet in time
			p.signal(t, syscall.SIGCONT)
		}
		return false
	})
	return leader
}

func everythingIsThere(ctx context.Context, t *testing.T, g group, l *load) {
	leader := g.leader(ctx, t)
	for _, key := range []string{"k0", "k1", "k2", "k3"} {
		for ended := false; !ended; {
			ended, leader = l.try(ctx, leader, clients, request{op: read, key: key})
		}
	}
	require.Greater(t, len(l.acked), 100)
	for key, value := range l.acked {
		for ended := false; !ended; {
			ended, leader = l.try(ctx, leader, clients, request{op: read, key: key})
		}
		for _, p := range g {
			p.holds(ctx, t, key, value)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := startGroup(t, 1)[0]
	p.healthy(ctx, t, "ready")
	key, value := strings.Repeat("k", maxKey), strings.Repeat("v", maxValue)
	for _, tc := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"GET", "/kv/k", "", 404, `{"error":"there is no such key","leader":"a"}`},
		{"PUT", "/kv/k", "v1", 200, `"token":"`},
		{"PUT", "/kv/k", "", 200, `"index":`},
		{"GET", "/kv/k", "", 200, ""},
		{"DELETE", "/kv/k", "", 200, `"index":`},
		{"GET", "/kv/k?stale=1", "", 404, "no such key"},
		{"DELETE", "/kv/k", "", 200, `"index":`},
		{"PUT", "/kv/a%2Fb%00%FF", "slash", 200, `"index":`},
		{"GET", "/kv/a%2Fb%00%FF", "", 200, "slash"},
		{"PUT", "/kv/" + key, value, 200, `"index":`},
		{"GET", "/kv/" + key, "", 200, value},
		{"PUT", "/kv/" + key + "k", "", 400, "want a key"},
		{"GET", "/kv/" + key + "k", "", 400, "want a key"},
		{"DELETE", "/kv/" + key + "k", "", 400, "want a key"},
		{"PUT", "/kv/k", value + "v", 413, "too large"},
		{"GET", "/kv/k?stale=yes", "", 400, "stale=1"},
		{"POST", "/kv/k", "", 405, ""},
		{"GET", "/kv/", "", 404, ""},
		{"GET", "/status", "", 200, `"health":"ready","id":"a","leader":"a"`},
		{"GET", "/health", "", 200, "ready\n"},
		{"POST", "/transfer?to=nobody", "", 503, `"error":`},
		{"GET", "/transfer", "", 405, ""},
	} {
		a, err := p.send(ctx, tc.method, tc.path, tc.body)
		require.NoError(t, err)
		require.Equal(t, tc.code, a.code, "%s %.20s: %.200s", tc.method, tc.path, a.body)
		require.Contains(t, a.body, tc.says)
	}

	p.signal(t, syscall.SIGINT)
	require.Zero(t, p.exit(ctx, t))
	p.start(t)
	p.holds(ctx, t, key, value)
}

// Two processes may not have one directory; the ports tell them.
func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := startGroup(t, 1)[0]
	p.healthy(ctx, t, "ready")
	second := &process{id: p.id, args: p.args}
	second.start(t)
	require.Equal(t, 1, second.exit(ctx, t))
	require.Contains(t, second.out.take(), "address already in use")
}
