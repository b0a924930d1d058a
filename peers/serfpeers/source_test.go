// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"bytes"
	"context"
	"errors"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/serf/serf"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

// flood is more events than fit anywhere.
const flood = 3000

func TestGuarantee1_SerfNeverWaits(t *testing.T) {
	src, err := New(Config{Every: time.Minute})
	require.NoError(t, err)
	conf := fast("a", serverTags("a"))
	require.NoError(t, src.Listen(conf))
	a := agent(t, conf)
	for range eventBuffer { // before Run
		require.NoError(t, a.UserEvent("deploy", nil, false))
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- src.Run(ctx) }()
	for range flood { // before Attach
		require.NoError(t, a.UserEvent("deploy", nil, false))
	}
	require.NoError(t, src.Attach(a))
	for range flood { // with no View, and no reader of Changes
		require.NoError(t, a.UserEvent("deploy", nil, false))
	}
	enough := errors.New("enough")
	cancel(enough)
	require.ErrorIs(t, <-done, enough)
	for range flood { // after Run
		require.NoError(t, a.UserEvent("deploy", nil, false))
	}
	b := agent(t, fast("b", serverTags("b")))
	join(t, b, a)
	eventually(t, "a has b", func() bool { return a.NumNodes() == 2 })
}

func TestGuarantee2_ViewNeedsNoEvents(t *testing.T) {
	src, err := New(Config{Every: time.Second})
	require.NoError(t, err)
	a, b := agent(t, fast("a", serverTags("id-a"))), agent(t, fast("b", serverTags("id-b")))
	require.NoError(t, src.Attach(a)) // but never Listen
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { _ = src.Run(ctx) }()

	v, err := src.View(ctx)
	require.NoError(t, err)
	require.Len(t, v.Members, 1)
	join(t, a, b)
	asked := time.Now()
	v, err = src.View(ctx) // at once: Join has returned, so Serf has both
	require.NoError(t, err)
	require.Len(t, v.Members, 2)
	require.False(t, v.Taken.Before(asked))
	got, _ := member(v, "id-b")
	require.Equal(t, peers.Member{
		ID: "id-b", Address: "127.0.0.1:8300", Health: peers.Alive, Since: got.Since, ClusterID: "prod",
	}, got)
}

func TestGuarantee2_ChangesHint(t *testing.T) {
	s := newSeer(t, "a", Config{Every: time.Minute, AbsentAfter: time.Hour})
	require.Len(t, s.view(t).Members, 1)
	<-s.Changes() // of the first view
	join(t, agent(t, fast("b", serverTags("id-b"))), s.serf)
	<-s.Changes() // by the event: the next look of its own is a minute away
	require.Len(t, s.view(t).Members, 2)
}

// Gossip may turn a goodbye into a failure on a busy machine; Serf's own events say so,
// and the view must agree with them.
func TestGuarantee3_F17_FailedIsNotLeftIsNotForced(t *testing.T) {
	src, err := New(Config{Every: 20 * time.Millisecond})
	require.NoError(t, err)
	events, conf := make(chan serf.Event, eventBuffer), fast("a", serverTags("id-a"))
	conf.EventCh = events
	s := &seer{Source: src, serf: agent(t, conf)}
	require.NoError(t, src.Attach(s.serf))
	go func() { _ = src.Run(t.Context()) }()
	last, forced := map[string]serf.EventType{}, make(chan bool, 16) // of l's leaves
	go func() {                                                      // a loop of the program's own
		for e := range events {
			if m, ok := e.(serf.MemberEvent); ok {
				for _, member := range m.Members {
					if member.Name == "l" && m.Type == serf.EventMemberLeave {
						forced <- last["l"] == serf.EventMemberFailed
					}
					last[member.Name] = m.Type
				}
			}
			src.Observe(e)
		}
	}()

	f, l, x := agent(t, fast("f", serverTags("failed"))), agent(t, fast("l", serverTags("left"))), agent(t, fast("x", serverTags("forced")))
	join(t, s.serf, f, l, x)
	s.until(t, "all are there", func(v peers.View) bool { return len(v.Members) == 4 })
	require.NoError(t, l.Leave())
	want := <-forced
	s.until(t, "left, as serf has it", func(v peers.View) bool { // Forced until the event has come
		m, _ := member(v, "left")
		return m.Health == peers.Left && m.Forced == want
	})
	require.NoError(t, f.Shutdown())
	require.NoError(t, x.Shutdown())
	require.False(t, s.is(t, "failed", peers.Failed).Forced)
	s.is(t, "forced", peers.Failed)
	require.NoError(t, s.serf.RemoveFailedNode("x"))
	require.True(t, s.is(t, "forced", peers.Left).Forced)
	_, ok := member(s.view(t), "never seen")
	require.False(t, ok)
}

func TestGuarantee3_F40_StuckLeavingKeepsItsSince(t *testing.T) {
	s := newSeer(t, "a", Config{})
	c := newSeer(t, "c", Config{})
	// As in consul#13379: a leave of an older life is on its way before the join is, and
	// c hears of neither.
	require.NoError(t, s.serf.RemoveFailedNode("c"))
	join(t, s.serf, c.serf)
	first := s.is(t, "id-c", peers.Leaving)
	c.is(t, "id-a", peers.Alive)
	require.Equal(t, peers.Alive, c.is(t, "id-c", peers.Alive).Health, "c itself knows nothing of it")
	for range 5 {
		require.Equal(t, first, s.is(t, "id-c", peers.Leaving))
	}
}

func TestGuarantee4_F2_ReapedGhostIsStillEvidence(t *testing.T) {
	const absentAfter = 400 * time.Millisecond
	s := newSeer(t, "a", Config{AbsentAfter: absentAfter}, func(c *serf.Config) { c.ReconnectTimeout = 100 * time.Millisecond })
	c := agent(t, fast("c", serverTags("id-c")))
	join(t, s.serf, c)
	s.is(t, "id-c", peers.Alive)
	require.NoError(t, c.Shutdown())
	failed := s.is(t, "id-c", peers.Failed)
	eventually(t, "serf reaps c", func() bool { return len(s.serf.Members()) == 1 })
	reaped := time.Now()

	require.NoError(t, s.serf.RemoveFailedNode("c"), "force-leave finds nothing, and does not say so")
	require.Equal(t, failed, s.is(t, "id-c", peers.Failed), "a reap is the end of a failure, not of what it proves")
	s.absent(t, "id-c")
	require.GreaterOrEqual(t, time.Since(reaped), 2*absentAfter-50*time.Millisecond)
}

// With a SnapshotPath Serf drops the events for which there is no room. The failure
// may be among them.
func TestGuarantee5_LostEventsProveNoGoodbye(t *testing.T) {
	for _, full := range []bool{false, true} {
		src, err := New(Config{})
		require.NoError(t, err)
		b := []serf.Member{serfMember("b", serf.StatusAlive)}
		src.events <- serf.MemberEvent{Type: serf.EventMemberJoin, Members: b}
		for full && len(src.events) < cap(src.events) {
			src.events <- serf.UserEvent{}
		}
		go func() { _ = src.Run(t.Context()) }()
		eventually(t, "it has caught up", func() bool { return len(src.events) == 0 })
		src.events <- serf.MemberEvent{Type: serf.EventMemberLeave, Members: b}
		said := func(f func(r *record) bool) bool {
			src.mu.Lock()
			defer src.mu.Unlock()
			r := src.history.records["b"]
			return r != nil && f(r)
		}
		if !full {
			eventually(t, "a goodbye", func() bool { return said(func(r *record) bool { return r.goodbye }) })
			continue
		}
		eventually(t, "left", func() bool { return said(func(r *record) bool { return r.heard == serf.StatusLeft }) })
		require.False(t, said(func(r *record) bool { return r.goodbye }))
		src.events <- serf.MemberEvent{Type: serf.EventMemberJoin, Members: b}
		src.events <- serf.MemberEvent{Type: serf.EventMemberLeave, Members: b}
		eventually(t, "a goodbye, after what was lost", func() bool { return said(func(r *record) bool { return r.goodbye }) })
	}
}

func TestGuarantee6_F36_AloneIsNeverWarm(t *testing.T) {
	const absentAfter = 200 * time.Millisecond
	s := newSeer(t, "a", Config{AbsentAfter: absentAfter})
	solo := newSeer(t, "s", Config{AbsentAfter: absentAfter, Solo: true})
	solo.until(t, "solo is warm", func(v peers.View) bool { return v.Warm })
	require.False(t, s.view(t).Warm, "as old as the other one, and it has seen nobody")

	joining := time.Now()
	join(t, s.serf, agent(t, fast("b", map[string]string{"role": "client"})))
	v := s.until(t, "warm", func(v peers.View) bool { return v.Warm })
	require.GreaterOrEqual(t, v.Taken.Sub(joining), absentAfter)
	require.NoError(t, s.serf.Leave())
	require.False(t, s.view(t).Warm, "it does not see itself alive")
}

func TestGuarantee7_F15_ClientsAndOtherClustersAreNoMembers(t *testing.T) {
	var log bytes.Buffer
	s := newSeer(t, "a", Config{Cluster: "prod", Logger: hclog.New(&hclog.LoggerOptions{Output: &log})})
	wan := serverTags("wan")
	wan["cluster"] = "prod-eu"
	broken := serverTags("broken")
	broken["port"] = "http"
	voterless := serverTags("voterless")
	voterless["nonvoter"], voterless["zone"] = "1", "z1"
	join(
		t, s.serf,
		agent(t, fast("client", map[string]string{"role": "client", "cluster": "prod", "id": "client", "port": "1"})),
		agent(t, fast("server.eu", wan)),
		agent(t, fast("broken", broken)),
		agent(t, fast("voterless", voterless)),
	)
	v := s.until(t, "voterless", func(v peers.View) bool { return len(v.Members) > 1 })
	require.Len(t, s.serf.Members(), 5)
	for range 3 {
		v = s.view(t)
	}
	require.Len(t, v.Members, 2)
	got, _ := member(v, "voterless")
	require.True(t, got.Nonvoter)
	require.Equal(t, "z1", got.Zone)
	_, err := s.View(t.Context()) // after it, Run has logged what the one before found
	require.NoError(t, err)
	require.NoError(t, s.serf.Shutdown())
	require.ErrorIs(t, <-s.done, ErrShutdown)
	require.Equal(t, 1, strings.Count(log.String(), "left out"), log.String())
	require.Contains(t, log.String(), `member=broken reason="the tag \"port\" is \"http\"`)
}

func TestGuarantee7_F39_RestartedAsClientIsLeft(t *testing.T) {
	s := newSeer(t, "a", Config{})
	b := agent(t, fast("b", serverTags("id-b")))
	join(t, s.serf, b)
	s.is(t, "id-b", peers.Alive)
	require.NoError(t, b.Shutdown())
	failed := s.is(t, "id-b", peers.Failed)

	client := agent(t, fast("b", map[string]string{"role": "client"}))
	join(t, client, s.serf)
	left := s.is(t, "id-b", peers.Left)
	require.False(t, left.Forced, "it says so itself")
	require.True(t, left.Since.After(failed.Since))

	require.NoError(t, client.SetTags(serverTags("id-b")))
	s.is(t, "id-b", peers.Alive)
	require.NoError(t, client.SetTags(map[string]string{"role": "client"}))
	left = s.is(t, "id-b", peers.Left)
	// A force-leave of a live client shows as Leaving, or is refuted (consul PR#6550).
	// Either way it is no server.
	require.NoError(t, s.serf.RemoveFailedNode("b"))
	require.NoError(t, client.Shutdown())
	eventually(t, "serf has noticed", func() bool {
		for _, m := range s.serf.Members() {
			if m.Name == "b" {
				return m.Status == serf.StatusFailed || m.Status == serf.StatusLeft
			}
		}
		return false
	})
	require.Equal(t, left, s.is(t, "id-b", peers.Left))
}

func TestGuarantee8_OneMemberPerID(t *testing.T) {
	s := newSeer(t, "a", Config{})
	first := agent(t, fast("pod-1", serverTags("id-p")))
	join(t, s.serf, first)
	s.is(t, "id-p", peers.Alive)
	second := agent(t, fast("pod-2", serverTags("id-p")))
	join(t, s.serf, second)
	s.until(t, "both", func(v peers.View) bool { return len(v.Members) == 3 })
	require.NoError(t, first.Shutdown())
	v := s.until(t, "one", func(v peers.View) bool { return len(v.Members) == 2 })
	got, _ := member(v, "id-p")
	require.Equal(t, peers.Alive, got.Health)
}

// The event channel of somebody else that nobody reads: Serf holds its member lock, and
// every question about members waits.
func TestGuarantee9_StuckSerfIsAnError(t *testing.T) {
	src, err := New(Config{})
	require.NoError(t, err)
	unread := make(chan serf.Event)
	conf := fast("a", serverTags("a"))
	conf.EventCh = unread
	a := agent(t, conf)
	t.Cleanup(func() { // before Shutdown
		go func() {
			for range unread {
			}
		}()
	})
	require.NoError(t, src.Attach(a))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- src.Run(ctx) }()
	_, err = src.View(t.Context())
	require.NoError(t, err)

	var announced atomic.Int64
	go func() {
		for n := range flood { // until the channel is full, and then in the member lock
			_ = a.SetTags(map[string]string{"n": strconv.Itoa(n)})
			announced.Add(1)
		}
	}()
	const room = 1024 // in Serf; one more, of the join, is on its way to unread
	eventually(t, "serf is full", func() bool { return announced.Load() == room })
	for err == nil {
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		_, err = src.View(short)
		cancel()
	}
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "serf does not answer")
	cancel()
	err = <-done
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "left a goroutine in serf.Members")
}

func TestGuarantee9_WaitsEnd(t *testing.T) {
	src, err := New(Config{})
	require.NoError(t, err)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = src.View(over)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "Run has not been started")
	done := make(chan error)
	running, stop := context.WithCancel(t.Context())
	go func() { done <- src.Run(running) }()
	eventually(t, "it says what is missing", func() bool {
		_, err := src.View(over)
		return strings.Contains(err.Error(), "Attach has not been called")
	})
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	_, err = src.View(t.Context())
	require.ErrorIs(t, err, ErrStopped)
	require.ErrorContains(t, src.Run(t.Context()), "called twice")
	require.ErrorContains(t, src.Listen(fast("a", nil)), "nobody would receive")
}

func TestGuarantee9_ShutdownIsAnError(t *testing.T) {
	s := newSeer(t, "a", Config{})
	s.view(t)
	require.NoError(t, s.serf.Shutdown())
	require.ErrorIs(t, <-s.done, ErrShutdown)
	_, err := s.View(t.Context())
	require.ErrorIs(t, err, ErrShutdown)
}

func TestNothingIsLeftOnceSerfHasShutDown(t *testing.T) {
	drains := func() int {
		var stacks bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		return strings.Count(stacks.String(), "(*Source).drain(")
	}
	eventually(t, "those of other tests end", func() bool { return drains() == 0 })
	s := newSeer(t, "a", Config{})
	s.view(t)
	eventually(t, "its drain has begun", func() bool { return drains() == 1 })
	require.NoError(t, s.serf.Shutdown())
	require.ErrorIs(t, <-s.done, ErrShutdown)
	eventually(t, "drain ends", func() bool { return drains() == 0 })
}

func TestListenRefuses(t *testing.T) {
	src, err := New(Config{})
	require.NoError(t, err)
	taken := fast("a", nil)
	taken.EventCh = make(chan serf.Event)
	require.ErrorContains(t, src.Listen(taken), "call Observe")
	coalescing := fast("a", nil)
	coalescing.CoalescePeriod, coalescing.QuiescentPeriod = time.Second, time.Second
	require.ErrorContains(t, src.Listen(coalescing), "CoalescePeriod")
	require.Nil(t, coalescing.EventCh)
	require.ErrorContains(t, src.Listen(nil), "nil")
	require.NoError(t, src.Listen(fast("a", nil)))
	require.ErrorContains(t, src.Listen(fast("a", nil)), "twice")
	require.ErrorContains(t, src.Attach(nil), "nil")
}

func TestConfigValidate(t *testing.T) {
	for _, tc := range []struct {
		conf Config
		want string
	}{
		{Config{AbsentAfter: -1}, "AbsentAfter is -1ns"},
		{Config{Every: -1}, "Every is -1ns"},
		{Config{Every: time.Hour}, "or no view is ever warm"},
		{Config{IDTag: "role"}, `Config.RoleTag and Config.IDTag are both "role"`},
	} {
		_, err := New(tc.conf)
		require.ErrorContains(t, err, tc.want)
	}
}
