// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

import (
	"math"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// "Never" as a duration would overflow when it is added to another: a Revoke would
// be stuck before it has begun.
func TestLongestTimeouts(t *testing.T) {
	const most = 10000 * time.Hour
	for name, set := range map[string]func(*leadership.Config, time.Duration){
		"EstablishTimeout": func(c *leadership.Config, d time.Duration) { c.EstablishTimeout = d },
		"RevokeTimeout":    func(c *leadership.Config, d time.Duration) { c.RevokeTimeout = d },
		"Grace":            func(c *leadership.Config, d time.Duration) { c.Grace = d },
		"ReconcileEvery":   func(c *leadership.Config, d time.Duration) { c.ReconcileEvery = d },
	} {
		var conf leadership.Config
		set(&conf, math.MaxInt64)
		require.ErrorContains(t, conf.Validate(), name)
		set(&conf, most)
		require.NoError(t, conf.Validate())
	}
	conf := leadership.Config{RevokeTimeout: most, Grace: most, EstablishTimeout: most}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		m := c.serving()
		m.runner.Reassert()
		time.Sleep(time.Second)
		require.Empty(c.t, m.told())
		require.Equal(c.t, 2, m.count("establish"))
	})
}

// Status after Run has returned.
func TestFindingAfterRun(t *testing.T) {
	withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Configure: quiet}, func(c *crew) {
		m := c.serving()
		c.Server(m.id).Logs().Hang()
		m.write()
		c.until("the hung disk is found", func() bool { return m.runner.Check() != nil })
		m.stop()
		c.ended(m)
		c.Server(m.id).Logs().Release()
		time.Sleep(time.Minute)
		if m.leads() {
			require.NoError(c.t, m.runner.Check(), "a finding of a minute ago; nobody looks any more")
		}
	})
}

// replays restarts the only server with more in its log than raft's queue to the
// state machine holds, and something wrong with that.
func (c *crew) replays(wrong func(*testcluster.FSM)) (*member, *testcluster.Server) {
	m := c.serving()
	for range 400 {
		m.write()
	}
	time.Sleep(time.Second)
	srv := c.Server(m.id)
	require.NoError(c.t, srv.Crash(c.ctx))
	wrong(srv.FSM())
	require.NoError(c.t, srv.Restart(c.ctx))
	return c.of(m.id), srv
}

// The state machine takes an entry each second, and that is not seen.
func TestS31_CatchUpBehindAFullQueue(t *testing.T) {
	conf := leadership.Config{CatchUpStall: 10 * time.Second, CancelByReflection: true}
	withCrew(t, conf, testcluster.Config{Servers: 1, Configure: oneByOne}, func(c *crew) {
		m, _ := c.replays(func(f *testcluster.FSM) { f.Slow(time.Second) })
		_, err := m.runner.Ready(c.ctx)
		require.NoError(c.t, err)
		for _, e := range m.runner.Timeline() {
			if e.Note == "the attempt failed" {
				require.Fail(c.t, "a catch-up that got on was given up", e.String())
			}
		}
	})
}

func oneByOne(_ raft.ServerID, conf *raft.Config) { conf.MaxAppendEntries = 1 }

// A liveness probe must not kill a server that replays a long log: it would never
// catch up. A watchdog that fences must not end the attempt either.
func TestS31_ReplayIsNoFinding(t *testing.T) {
	conf := leadership.Config{CatchUpStall: 10 * time.Minute, CancelByReflection: true, Watchdog: leadership.Watchdog{Fence: true}}
	withCrew(t, conf, testcluster.Config{Servers: 1, Configure: oneByOne}, func(c *crew) {
		m, srv := c.replays(func(f *testcluster.FSM) { f.Slow(time.Second) })
		start := time.Now()
		for m.runner.Session() == nil {
			require.NoError(c.t, m.runner.Check(), "after %v", time.Since(start))
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(c.t, 1, m.runner.Session().Attempt())
		srv.FSM().Heal()
	})
}

// With a state machine that hangs, the end of CatchUpStall says so.
func TestS31_ReplayThatHangsIsFound(t *testing.T) {
	conf := leadership.Config{CatchUpStall: 10 * time.Second, CancelByReflection: true}
	withCrew(t, conf, testcluster.Config{Servers: 1, Configure: oneByOne}, func(c *crew) {
		m, srv := c.replays((*testcluster.FSM).Hang)
		c.until("it leads", m.leads)
		start := time.Now()
		c.until("it is found", func() bool { return m.runner.Check() != nil })
		within(c.t, "hang to found", start, conf.CatchUpStall+zombieLimit)
		require.ErrorIs(c.t, m.runner.Check(), leadership.ErrUnresponsive)
		srv.FSM().Release()
	})
}
