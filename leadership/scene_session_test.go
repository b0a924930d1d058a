// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// What happens within a session, and how it ends: S10, S24 and S30 of the failure
// catalogue.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// S10: what nomad does on a snapshot restore: revoke and establish within one
// leadership. Nothing of the old scope lives on in the new one.
func TestS10_ReassertIsAWholeNewScope(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		var running atomic.Int32
		c.on(func(_ context.Context, _ *member, what string, s *leadership.Session) error {
			if n := running.Load(); n != 0 {
				t.Errorf("%s while %d goroutines of the session before run", what, n)
			}
			if what == "establish" {
				for i := range 3 {
					running.Add(1)
					s.Go(fmt.Sprint(i), func(ctx context.Context) error {
						defer running.Add(-1)
						<-ctx.Done()
						time.Sleep(50 * time.Millisecond)
						return errors.New("of no interest after the end")
					})
				}
			}
			return nil
		})
		m := c.serving()
		s := m.runner.Session()
		for i := 2; i < 10; i++ {
			before := m.raft.LastIndex()
			m.runner.Reassert()
			require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrReasserted, "before Reassert returns")
			require.Nil(t, m.runner.Session())
			next, err := m.runner.Ready(c.ctx)
			require.NoError(t, err)
			require.Equal(t, s.Epoch(), next.Epoch())
			require.Equal(t, i, next.Attempt())
			require.Equal(t, 1, next.Token().Compare(s.Token()))
			require.Greater(t, next.Token().Index, before, "a barrier of its own")
			require.Equal(t, []int{i, i - 1}, []int{m.count("establish"), m.count("revoke")})
			require.Zero(t, m.runner.Status().Failures)
			require.ErrorIs(t, s.Verify(c.ctx), leadership.ErrReasserted)
			_, _, err = s.Apply(c.ctx, []byte("x"))
			require.ErrorIs(t, err, leadership.ErrReasserted)
			require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown)
			s = next
		}
		for range 100 { // any number at once is one
			go m.runner.Reassert()
		}
		time.Sleep(time.Second)
		require.NotNil(t, m.runner.Session())
		require.LessOrEqual(t, m.count("establish"), 11)
	})
}

// S24: a callback that panics, or leaves by runtime.Goexit, is one that failed.
func TestS24_PanicAndGoexit(t *testing.T) {
	for how, leave := range map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit} {
		for _, where := range []string{"establish", "reconcile", "revoke", "Go"} {
			t.Run(how+" in "+where, func(t *testing.T) {
				conf := leadership.Config{ReconcileEvery: time.Second}
				withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
					t := c.t
					var once atomic.Bool
					c.on(func(_ context.Context, _ *member, what string, s *leadership.Session) error {
						if what == where && once.CompareAndSwap(false, true) {
							leave()
						}
						if where == "Go" && what == "establish" {
							s.Go("bad", func(context.Context) error {
								time.Sleep(time.Second)
								if once.CompareAndSwap(false, true) {
									leave()
								}
								return nil
							})
						}
						return nil
					})
					m := c.serving()
					if where == "revoke" {
						m.runner.Reassert()
					}
					time.Sleep(5 * time.Second)
					require.True(t, once.Load())
					require.NotNil(t, m.runner.Session(), "it serves again, or still")
					want := "runtime.Goexit"
					if how == "panic" {
						want = "on purpose"
					}
					failed := func(e leadership.Event) bool {
						return e.Err != nil && contains(e.Err.Error(), want)
					}
					require.True(t, m.has(failed), "%v", m.runner.Timeline())
					if how == "panic" {
						require.True(t, m.has(func(e leadership.Event) bool {
							return failed(e) && contains(e.Err.Error(), "TestS24_PanicAndGoexit")
						}), "the stack of the panic: %v", m.runner.Timeline())
					}
					sessions := 2
					if where == "reconcile" && how == "Goexit" {
						sessions = 1 // an error like any other: the next round comes
					}
					require.Equal(t, sessions, m.count("establish"))
				})
			})
		}
	}
}

// An error from Session.Go ends the session, nil does not, and what is started
// after the end never runs.
func TestSessionGo(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		m := c.serving()
		s := m.runner.Session()
		s.Go("done", func(context.Context) error { return nil })
		time.Sleep(time.Second)
		require.Same(t, s, m.runner.Session())

		broken := errors.New("the pump is broken")
		s.Go("pump", func(context.Context) error { return broken })
		<-s.Context().Done()
		require.ErrorIs(t, context.Cause(s.Context()), broken)
		require.ErrorContains(t, context.Cause(s.Context()), `"pump"`)
		s.Go("late", func(context.Context) error {
			t.Error("it ran")
			return nil
		})
		next, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.NotSame(t, s, next)
		require.ErrorIs(t, m.causes[s], broken)
		require.Equal(t, 1, m.count("revoke"))
		require.Panics(t, func() { next.Go("nothing", nil) })
		s.Go("much too late", func(context.Context) error {
			t.Error("it ran")
			return nil
		})
		synctest.Wait()
	})
}

// A goroutine that does not end is named, and nothing is revoked beside it.
func TestGuarantee14_SessionGoThatDoesNotEnd(t *testing.T) {
	withCrew(t, leadership.Config{TransferAfter: -1}, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		m := c.serving()
		h := c.hang()
		s := m.runner.Session()
		s.Go("b-pump", func(context.Context) error { h.wait(); return nil })
		s.Go("a-pump", func(context.Context) error { h.wait(); return nil })
		s.Go("obeys", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		m.runner.Reassert()
		c.until("it is stuck", m.in(leadership.Quarantined))
		told := m.told()
		require.Len(t, told, 1)
		require.Equal(t, "Session.Go a-pump, b-pump", told[0].Op)
		require.Equal(t, leadership.Grace, told[0].After)
		require.Contains(t, told[0].Stack, "TestGuarantee14_SessionGoThatDoesNotEnd")
		require.Zero(t, m.count("revoke"))
		h.release()
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, m.count("revoke"))
		<-told[0].Done
	})
}

// What raft never answers ends Grace after the session, whatever ctx it was given.
func TestGuarantee20_SessionCallsEndWithTheSession(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		s := m.runner.Session()
		c.Server(m.id).FSM().Hang()
		applied, verified := make(chan error, 1), make(chan error, 1)
		go func() {
			_, _, err := s.Apply(context.Background(), []byte("x"))
			applied <- err
		}()
		time.Sleep(time.Second)
		require.NoError(t, c.Server(m.id).Pause(c.ctx))
		go func() { verified <- s.Verify(context.Background()) }()
		time.Sleep(time.Second)
		start := time.Now()
		m.runner.Reassert()
		c.until("both return", func() bool { return len(applied)+len(verified) == 2 || time.Since(start) > time.Minute })
		within(t, "end of the session to the return of its calls", start, leadership.Grace+time.Millisecond)
		err := <-applied
		require.ErrorIs(t, err, leadership.ErrOutcomeUnknown)
		require.ErrorIs(t, err, leadership.ErrReasserted)
		require.ErrorIs(t, <-verified, leadership.ErrReasserted)
	})
}

// S30: a leader that is removed shuts itself down (ShutdownOnRemove is the
// default), or steps down. The session ends, is revoked, and Run says so.
func TestS30_RemovedLeader(t *testing.T) {
	for _, shutdown := range []bool{true, false} {
		t.Run(fmt.Sprint("ShutdownOnRemove ", shutdown), func(t *testing.T) {
			conf := leadership.Config{Watchdog: leadership.Watchdog{Off: true}}
			withCrew(t, conf, testcluster.Config{Configure: func(_ raft.ServerID, conf *raft.Config) {
				conf.ShutdownOnRemove = shutdown
			}}, func(c *crew) {
				t := c.t
				m := c.serving()
				s := m.runner.Session()
				require.NoError(t, m.raft.RemoveServer(m.id, 0, 0).Error())
				<-s.Context().Done()
				require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrLost)
				c.until("it has revoked", func() bool { return m.count("revoke") == 1 })
				c.successor(m)
				require.ErrorIs(t, m.notifier.State().Cause, leadership.ErrRemoved)
				if shutdown {
					c.ended(m)
					require.ErrorIs(t, m.err, leadership.ErrClosed)
					require.Equal(t, leadership.Closed, m.phase())
					_, err := m.runner.Ready(c.ctx)
					require.ErrorIs(t, err, leadership.ErrClosed)
				}
			})
		})
	}
}

// Sessions are used by many goroutines while leadership flaps. What Apply calls
// applied is, in the term of its session; what it calls refused never is.
func TestSessionsUsedByManyWhileLeadershipFlaps(t *testing.T) {
	fsms := make(chan *keeper, 3)
	cluster := testcluster.Config{FSM: func(raft.ServerID) raft.FSM {
		k := &keeper{terms: map[string]uint64{}}
		fsms <- k
		return k
	}}
	withCrew(t, leadership.Config{}, cluster, func(c *crew) {
		t := c.t
		stop, cancel := context.WithCancel(c.ctx)
		defer cancel()
		var mu sync.Mutex
		applied, refused := map[string]uint64{}, map[string]bool{}
		var workers sync.WaitGroup
		for _, m := range c.starts {
			for i := range 4 {
				workers.Go(func() {
					for n := 0; stop.Err() == nil; n++ {
						s, err := m.runner.Ready(stop)
						if err != nil {
							return
						}
						key := fmt.Sprint(m.id, i, n)
						_, index, err := s.Apply(stop, []byte(key))
						mu.Lock()
						switch {
						case err == nil:
							applied[key] = s.Token().Term
							if index <= s.Token().Index {
								t.Errorf("%s at %d, the token is %v", key, index, s.Token())
							}
						case !errors.Is(err, leadership.ErrOutcomeUnknown):
							refused[key] = true
						}
						mu.Unlock()
						_ = s.Verify(stop)
						_ = s.ReadBarrier(stop)
						time.Sleep(time.Millisecond)
					}
				})
			}
		}
		for i := range 40 {
			_, err := c.Flap(c.ctx, []testcluster.Kind{testcluster.Kick, testcluster.Isolate}[i%2])
			require.NoError(t, err)
			time.Sleep(20 * time.Millisecond)
			c.serving().runner.Reassert()
		}
		time.Sleep(100 * time.Millisecond)
		cancel()
		workers.Wait()
		require.NoError(t, c.Converged(c.ctx))
		k := <-fsms
		k.mu.Lock()
		defer k.mu.Unlock()
		require.Greater(t, len(applied), 1000)
		for key, term := range applied {
			require.Equal(t, term, k.terms[key], key)
		}
		for key := range refused {
			require.Zero(t, k.terms[key], "%s was refused, and applied", key)
		}
		t.Logf("%d applied, %d refused", len(applied), len(refused))
	})
}
