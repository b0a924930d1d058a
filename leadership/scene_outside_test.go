// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// What a Runner answers from outside: Status, Health, Check, Ready, and what New
// refuses.

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// flood writes until a hanging state machine blocks raft's main loop, and waits
// until the watchdog must know.
func (m *member) flood() {
	for range 150 {
		m.write()
		time.Sleep(100 * time.Microsecond)
	}
	time.Sleep(10 * time.Second)
}

// Whoever asks is answered at once, also while raft answers nobody.
func TestGuarantee19_StatusWhileRaftIsWedged(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		c.Server(m.id).FSM().Hang()
		m.flood()
		start := time.Now()
		s := m.runner.Status()
		require.True(t, s.Leader)
		require.Error(t, m.runner.Check())
		require.NotEmpty(t, m.runner.Timeline())
		session, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Same(t, session, m.runner.Session())
		m.runner.Reassert()
		require.Nil(t, m.runner.Session())
		require.Equal(t, start, time.Now(), "no virtual time passed")
		require.Equal(t, leadership.Stuck, m.runner.Status().Health())
	})
}

// The four answers of Health, each from a real state.
func TestHealthOfAServer(t *testing.T) {
	conf := leadership.Config{EstablishTimeout: 10 * time.Second, TransferAfter: -1}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		h := c.hang()
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if what == "establish" && m.count(what) == 1 {
				h.wait()
			}
			return nil
		})
		m := c.of("n1")
		health := func() leadership.Health { return m.runner.Status().Health() }
		require.Equal(t, leadership.Follower, health())
		c.until("it establishes", m.in(leadership.Establishing))
		require.Equal(t, leadership.NotReady, health())
		require.NoError(t, m.runner.Check(), "it takes its time, which is no reason to kill it")
		c.until("it is stuck", m.in(leadership.Quarantined))
		require.Equal(t, leadership.Stuck, health())
		require.ErrorIs(t, m.runner.Check(), leadership.ErrStuck)
		h.release()
		c.until("it serves", m.in(leadership.Serving))
		require.Equal(t, leadership.Ready, health())
		m.stop()
		c.ended(m)
		require.True(t, m.leads())
		require.Equal(t, leadership.NotReady, health(), "it leads, and nobody does the work")
		require.Equal(t, leadership.Closed, m.phase())
	})
}

// notComparable is an error of a type that == panics for, as that of many a
// library that validates.
type notComparable []string

func (n notComparable) Error() string { return "not comparable" }

// What callbacks return is the program's own, and may be anything.
func TestStatusErr(t *testing.T) {
	conf := leadership.Config{ReconcileEvery: time.Second}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if m.count(what) <= 2 {
				return notComparable{what}
			}
			return nil
		})
		m := c.serving()
		require.NoError(t, m.runner.Status().Err, "it serves")
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, notComparable{"reconcile"}, m.runner.Status().Err)
		require.Equal(t, leadership.Ready, m.runner.Status().Health())
		time.Sleep(5 * time.Second)
		s := m.runner.Session()
		m.runner.Reassert()
		next, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.NotSame(t, s, next)
		require.NoError(t, m.runner.Status().Err)
	})
}

// What New refuses.
func TestNewErrors(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 2}, func(c *crew) {
		t := c.t
		c.serving()
		a, b := c.of("n1"), c.of("n2")
		role := leadership.Role{Establish: func(context.Context, *leadership.Session) error { return nil }}
		for _, tc := range []struct {
			name string
			raft *raft.Raft
			n    *leadership.Notifier
			role leadership.Role
			conf leadership.Config
			want string
		}{
			{"no raft", nil, leadership.NewNotifier(), role, leadership.Config{}, "what raft.NewRaft returned"},
			{"no notifier", a.raft, nil, role, leadership.Config{}, "the Notifier"},
			{"no establish", a.raft, leadership.NewNotifier(), leadership.Role{}, leadership.Config{}, "Role.Establish"},
			{"negative", a.raft, leadership.NewNotifier(), role, leadership.Config{Grace: -1}, "Config.Grace"},
			{"too long", a.raft, leadership.NewNotifier(), role, leadership.Config{EstablishTimeout: 20000 * time.Hour}, "Config.EstablishTimeout"},
			{"negative size", a.raft, leadership.NewNotifier(), role, leadership.Config{TimelineSize: -1}, "Config.TimelineSize"},
			{"zero notifier", a.raft, &leadership.Notifier{}, role, leadership.Config{}, "NewNotifier"},
			{"another raft's", a.raft, b.notifier, role, leadership.Config{}, "attached"},
			{"a second Runner", a.raft, a.notifier, role, leadership.Config{}, "has a Runner"},
		} {
			_, err := leadership.New(tc.raft, tc.n, tc.role, tc.conf)
			require.ErrorContains(t, err, tc.want, tc.name)
		}
		require.ErrorContains(t, a.runner.Run(c.ctx), "called before")
		require.ErrorContains(t, a.runner.Run(nil), "nil") //nolint:staticcheck // a nil context is what is tested
		_, err := a.runner.Ready(nil)                      //nolint:staticcheck // as above
		require.ErrorContains(t, err, "nil")
		s := c.serving().runner.Session()
		_, _, err = s.Apply(nil, nil) //nolint:staticcheck // as above
		require.ErrorContains(t, err, "nil")
		require.ErrorContains(t, s.Verify(nil), "nil") //nolint:staticcheck // as above

		// One that nobody runs.
		n := leadership.NewNotifier()
		idle, err := leadership.New(a.raft, n, role, leadership.Config{})
		require.NoError(t, err)
		require.ErrorContains(t, idle.Transfer(c.ctx, ""), "Run has not been called")
		require.Nil(t, idle.Session())
		idle.Reassert()
		require.Zero(t, idle.Status().Phase)
		require.NoError(t, idle.Check())
		ctx, cancel := context.WithTimeout(c.ctx, time.Second)
		defer cancel()
		_, err = idle.Ready(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Ready comes back with the session, however early it was asked.
func TestRunnerReadyIsNeverMissed(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
		defer cancel()
		m := c.of("n1")
		for range 100 {
			s, err := m.runner.Ready(ctx)
			require.NoError(t, err)
			require.NoError(t, s.Context().Err())
			m.runner.Reassert()
		}
	})
}

// After Run there is nothing to wait for.
func TestAfterRun(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		m := c.serving()
		s := m.runner.Session()
		waits := make(chan error, 1)
		m.stop()
		c.ended(m)
		go func() {
			_, err := m.runner.Ready(c.ctx)
			waits <- err
		}()
		require.ErrorIs(t, <-waits, leadership.ErrStopped)
		require.ErrorIs(t, m.runner.Transfer(c.ctx, ""), leadership.ErrStopped)
		require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrStopped)
		require.ErrorIs(t, context.Cause(s.Context()), context.Canceled, "and why Run's context ended")
		m.runner.Reassert()
		require.Nil(t, m.runner.Session())
		require.NoError(t, m.runner.Check())
		m.raft.Shutdown()
		synctest.Wait()
		_, err := m.runner.Ready(c.ctx)
		require.ErrorIs(t, err, leadership.ErrClosed)
	})
}
