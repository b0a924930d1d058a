// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Callbacks that call back into the Runner: S25 of the failure catalogue.

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// backCalls is everything a callback may ask of its Runner and Session.
var backCalls = map[string]func(ctx context.Context, m *member, s *leadership.Session) error{
	"Transfer": func(ctx context.Context, m *member, _ *leadership.Session) error {
		return m.runner.Transfer(ctx, "")
	},
	"Reassert": func(_ context.Context, m *member, _ *leadership.Session) error {
		m.runner.Reassert()
		return nil
	},
	"Ready": func(ctx context.Context, m *member, _ *leadership.Session) error {
		_, err := m.runner.Ready(ctx)
		return err
	},
	"Status": func(_ context.Context, m *member, _ *leadership.Session) error {
		_, _, _ = m.runner.Status(), m.runner.Session(), m.runner.Timeline()
		return m.runner.Check()
	},
	"Restore": func(ctx context.Context, m *member, _ *leadership.Session) error {
		// raft refuses it: a real one is in scene_restore_test.go.
		return m.runner.Restore(ctx, &raft.SnapshotMeta{Version: 99}, bytes.NewReader(nil))
	},
	"Run": func(ctx context.Context, m *member, _ *leadership.Session) error { return m.runner.Run(ctx) },
	"Session": func(ctx context.Context, _ *member, s *leadership.Session) error {
		_, _, err := s.Apply(ctx, []byte("x"))
		s.Go("more", func(ctx context.Context) error { <-ctx.Done(); return nil })
		return errors.Join(err, s.Verify(ctx), s.ReadBarrier(ctx))
	},
}

func TestS25_CallbacksCallBack(t *testing.T) {
	for call, fn := range backCalls {
		for _, where := range []string{"establish", "reconcile", "revoke", "Go"} {
			for name, own := range map[string]bool{"its context": true, "no context": false} {
				if call == "Ready" && (where == "establish" || where == "revoke") && !own {
					continue // it waits for itself: see below
				}
				t.Run(call+" in "+where+" with "+name, func(t *testing.T) { playBackCall(t, where, own, fn) })
			}
		}
	}
}

func playBackCall(t *testing.T, where string, own bool, fn func(context.Context, *member, *leadership.Session) error) {
	conf := leadership.Config{EstablishTimeout: time.Second, RevokeTimeout: time.Second, ReconcileEvery: time.Second}
	withCrew(t, conf, testcluster.Config{}, func(c *crew) {
		t := c.t
		var once atomic.Bool
		began, returned := make(chan *member, 1), make(chan error, 1)
		back := func(ctx context.Context, m *member, s *leadership.Session) {
			if !once.CompareAndSwap(false, true) {
				return
			}
			began <- m
			if !own {
				ctx = context.Background()
			}
			returned <- fn(ctx, m, s)
		}
		c.on(func(ctx context.Context, m *member, what string, s *leadership.Session) error {
			if what == where {
				back(ctx, m, s)
			}
			if what == "establish" && where == "Go" {
				s.Go("caller", func(ctx context.Context) error {
					time.Sleep(100 * time.Millisecond)
					back(ctx, m, s)
					return nil
				})
			}
			return nil
		})
		if where == "revoke" {
			c.serving().runner.Reassert()
		}
		m := <-began
		start := time.Now()
		c.until("the call returns", func() bool { return len(returned) == 1 })
		err := <-returned
		within(t, "the call, and all it waits for", start, conf.RevokeTimeout+2*leadership.Grace+time.Second)
		t.Logf("it returned %v; told: %v", err, m.told())
		if own {
			require.Empty(t, m.told(), "with its own context a callback never gets stuck")
		}
		c.serving()
	})
}

// A callback that waits for its own success, with no context, hangs as any other
// would, and ends with Run.
func TestS25_CallbackThatWaitsForItself(t *testing.T) {
	for _, where := range []string{"establish", "revoke"} {
		conf := leadership.Config{EstablishTimeout: time.Second, RevokeTimeout: time.Second}
		withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
			t := c.t
			c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
				if what == where && m.count(what) == 1 {
					_, err := m.runner.Ready(context.Background())
					return err
				}
				return nil
			})
			m := c.of("n1")
			if where == "revoke" {
				c.serving().runner.Reassert()
			}
			c.until("it is stuck", m.in(leadership.Quarantined))
			m.stop()
			c.ended(m)
			require.ErrorIs(t, m.err, leadership.ErrStuck)
			c.until("Ready has returned, and what is owed is paid", m.in(leadership.Closed))
			require.Equal(t, 1, m.count("revoke"))
		})
	}
}
