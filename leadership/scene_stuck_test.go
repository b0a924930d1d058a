// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Callbacks that do not return: S4, S5 and S6 of the failure catalogue.

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// S4: establish ignores its context and never returns (nomad: the monitor waits
// in leaderLoop for ever, and the cluster is without service).
func TestGuarantee14_S4_EstablishNeverReturns(t *testing.T) {
	conf := leadership.Config{EstablishTimeout: time.Second}
	withCrew(t, conf, testcluster.Config{}, func(c *crew) {
		t := c.t
		h := c.hang()
		began := make(chan *member, 100)
		var first *member // of the callbacks' goroutines
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if what == "establish" && (first == nil || first == m) {
				first = m
				began <- m
				h.wait()
			}
			return nil
		})
		m := <-began
		start := time.Now()
		next := c.successor(m)
		within(t, "hung establish to another server serving", start, conf.EstablishTimeout+time.Second)

		told := m.told()
		require.Len(t, told, 1)
		require.Equal(t, "establish", told[0].Op)
		require.ErrorIs(t, told[0], leadership.ErrStuck)
		require.ErrorIs(t, told[0], leadership.ErrEstablishTimeout)
		require.Equal(t, conf.EstablishTimeout+leadership.Grace, told[0].After)
		require.Contains(t, told[0].Stack, "TestGuarantee14_S4_EstablishNeverReturns", "the stack of what hangs")
		require.NotContains(t, told[0].Stack, "stackOf", "and of nothing else")
		require.Equal(t, leadership.Quarantined, m.phase())
		require.Equal(t, leadership.Stuck, m.runner.Status().Health())
		require.ErrorIs(t, m.runner.Check(), leadership.ErrStuck)

		// Whenever leadership comes back, it is declined, and nothing is called:
		// twice in ten minutes, for every transfer is a risk.
		require.NoError(t, next.runner.Transfer(c.ctx, m.id))
		c.successor(m)
		require.Equal(t, 1, m.count("establish"))
		require.Zero(t, m.count("revoke"))
		next = c.successor(m)
		require.NoError(t, next.runner.Transfer(c.ctx, m.id))
		start = time.Now()
		c.successor(m)
		require.Greater(t, time.Since(start), 8*time.Minute, "the budget of transfers is spent")
		require.LessOrEqual(t, time.Since(start), 10*time.Minute)

		start = time.Now()
		m.stop()
		c.ended(m)
		within(t, "end of Run's context to its return", start, leadership.Grace)
		var stuck *leadership.StuckError
		require.ErrorAs(t, m.err, &stuck)
		require.Same(t, told[0], stuck)
		_, err := m.runner.Ready(c.ctx)
		require.ErrorIs(t, err, leadership.ErrStopped)
		require.ErrorIs(t, m.runner.Transfer(c.ctx, ""), leadership.ErrStopped)

		time.Sleep(time.Minute)
		require.Zero(t, m.count("revoke"))
		h.release()
		<-stuck.Done
		synctest.Wait()
		require.Equal(t, 1, m.count("revoke"), "what is owed is paid")
		require.Equal(t, leadership.Closed, m.phase())
		require.NoError(t, m.runner.Check())
		require.Len(t, m.told(), 1)
	})
}

// OnStuck may block, as one does that writes a core dump. Nothing waits for it.
func TestGuarantee14_OnStuckMayBlock(t *testing.T) {
	var block chan struct{}
	conf := leadership.Config{EstablishTimeout: time.Second, OnStuck: func(*leadership.StuckError) { <-block }}
	withCrewIn(t, conf, testcluster.Config{}, func() { block = make(chan struct{}) }, func(c *crew) {
		c.t.Cleanup(func() { close(block) })
		h := c.hang()
		m := c.serving()
		c.on(func(_ context.Context, on *member, what string, _ *leadership.Session) error {
			if on == m && what == "establish" {
				h.wait()
			}
			return nil
		})
		m.runner.Reassert()
		start := time.Now()
		c.successor(m)
		within(c.t, "hung establish to another server serving", start, 2*time.Second)
	})
}

// A callback that returns after all is forgiven: the server leads again.
func TestS4_LateReturn(t *testing.T) {
	conf := leadership.Config{EstablishTimeout: time.Second, TransferAfter: -1}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		h := c.hang()
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if what == "establish" && m.count(what) == 1 {
				h.wait()
			}
			return nil // nil, and much too late
		})
		m := c.of("n1")
		c.until("it is stuck", m.in(leadership.Quarantined))
		time.Sleep(time.Minute)
		h.release()
		s, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, s.Attempt())
		require.Equal(t, 1, m.count("revoke"), "the late one did not count")
		require.NoError(t, m.runner.Check())
		require.Equal(t, leadership.Ready, m.runner.Status().Health())
	})
}

// Run's promise: it returns Grace after its end, with whatever hangs named. The
// callback in question, and how it is ended.
func TestS4_RunReturnsInTime(t *testing.T) {
	for _, tc := range []struct {
		name, op string
		end      func(c *crew, m *member)
		cause    error
	}{
		{"stopped in establish", "establish", func(_ *crew, m *member) { m.stop() }, leadership.ErrStopped},
		{"raft shuts down in establish", "establish", func(_ *crew, m *member) { m.raft.Shutdown() }, leadership.ErrShutdown},
		{"stopped in reconcile", "reconcile", func(_ *crew, m *member) { m.stop() }, leadership.ErrStopped},
		{"stopped in Go", "Session.Go pump", func(_ *crew, m *member) { m.stop() }, leadership.ErrStopped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withCrew(t, leadership.Config{ReconcileEvery: time.Second}, testcluster.Config{Servers: 1}, func(c *crew) {
				t := c.t
				h := c.hang()
				hangs := make(chan struct{})
				c.on(func(_ context.Context, _ *member, what string, s *leadership.Session) error {
					switch {
					case what == tc.op:
						close(hangs)
						h.wait()
					case what == "establish" && tc.op == "Session.Go pump":
						s.Go("pump", func(context.Context) error { close(hangs); h.wait(); return nil })
					}
					return nil
				})
				m := c.of("n1")
				<-hangs
				time.Sleep(100 * time.Millisecond)
				start := time.Now()
				tc.end(c, m)
				c.ended(m)
				within(t, "end to Run's return", start, leadership.Grace)
				var stuck *leadership.StuckError
				require.ErrorAs(t, m.err, &stuck)
				require.Equal(t, tc.op, stuck.Op)
				require.ErrorIs(t, m.err, tc.cause)
				require.Contains(t, stuck.Stack, "TestS4_RunReturnsInTime")
				require.Len(t, m.told(), 1)
				h.release()
				<-stuck.Done
			})
		})
	}
}

// S5: a loss in the middle of establish cancels it at once, and revoke runs when
// it has returned, and not before.
func TestS5_LossDuringEstablish(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		const slow = 300 * time.Millisecond
		began, cancelled, returned, revoked := make(chan *member), make(chan time.Time, 1), make(chan time.Time, 1), make(chan time.Time, 1)
		var first *leadership.Session
		c.on(func(ctx context.Context, m *member, what string, s *leadership.Session) error {
			switch {
			case what == "establish" && first == nil:
				first = s
				began <- m
				<-ctx.Done()
				cancelled <- time.Now()
				time.Sleep(slow)
				returned <- time.Now()
			case what == "revoke" && s == first:
				revoked <- time.Now()
				require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrLost)
			}
			return nil
		})
		m := <-began
		time.Sleep(50 * time.Millisecond)
		lost := make(chan time.Time, 1)
		go func() {
			for <-m.raft.LeaderCh() {
			}
			lost <- time.Now()
		}()
		require.NoError(t, c.Server(c.others(m)[0].id).Kick())
		require.False(t, (<-cancelled).After(<-lost), "not a moment after raft's own news")
		require.Equal(t, <-returned, <-revoked)
		c.successor(m)
		require.Empty(t, m.told())
	})
}

// S5: a callback that obeys has not failed, however soon it returns.
func TestS5_LossIsNoFailure(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		c.on(func(ctx context.Context, _ *member, what string, _ *leadership.Session) error {
			if what == "establish" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		for range 50 {
			_, err := c.Flap(c.ctx, testcluster.Kick)
			require.NoError(t, err)
			time.Sleep(20 * time.Millisecond)
		}
		for _, m := range c.starts {
			require.Zero(t, m.runner.Status().Failures)
			require.NoError(t, m.runner.Status().Err)
			require.False(t, m.has(func(e leadership.Event) bool { return e.Note == "the attempt failed" }), "%v", m.runner.Timeline())
			for _, cause := range m.causes {
				require.ErrorIs(t, cause, leadership.ErrLost)
			}
		}
	})
}

// S6: revoke hangs. It is bounded and named, no establish follows it, and when it
// returns after all the server is as good as new.
func TestS6_RevokeNeverReturns(t *testing.T) {
	conf := leadership.Config{RevokeTimeout: 2 * time.Second}
	withCrew(t, conf, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		h := c.hang()
		began := make(chan context.Context, 1)
		c.on(func(ctx context.Context, on *member, what string, _ *leadership.Session) error {
			if on == m && what == "revoke" {
				began <- ctx
				h.wait()
			}
			return nil
		})
		start := time.Now()
		m.runner.Reassert()
		ctx := <-began
		require.NoError(t, ctx.Err(), "that the session is over must not cancel its revoke")
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), leadership.ErrRevokeTimeout)
		require.Equal(t, conf.RevokeTimeout, time.Since(start))
		next := c.successor(m)
		within(t, "hung revoke to another server serving", start, conf.RevokeTimeout+time.Second)
		told := m.told()
		require.Len(t, told, 1)
		require.Equal(t, "revoke", told[0].Op)
		require.ErrorIs(t, told[0], leadership.ErrReasserted)
		require.Contains(t, told[0].Stack, "TestS6_")
		require.Equal(t, 1, m.count("establish"))

		h.release()
		c.until("it is over it", m.in(leadership.Following))
		require.NoError(t, m.runner.Check())
		require.NoError(t, next.runner.Transfer(c.ctx, m.id))
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, m.count("establish"))
		require.Equal(t, 1, m.count("revoke"))
	})
}

// A hung revoke holds up the end for its timeout and Grace.
func TestS6_RunReturnsFromAHungRevoke(t *testing.T) {
	conf := leadership.Config{RevokeTimeout: 2 * time.Second}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		h := c.hang()
		c.on(func(_ context.Context, _ *member, what string, _ *leadership.Session) error {
			if what == "revoke" {
				h.wait()
				return errors.New("too late to matter")
			}
			return nil
		})
		m := c.serving()
		start := time.Now()
		m.stop()
		c.ended(m)
		within(t, "end of Run's context to its return", start, conf.RevokeTimeout+leadership.Grace)
		require.ErrorIs(t, m.err, leadership.ErrStuck)
		require.ErrorContains(t, m.err, "revoke")
		h.release()
	})
}
