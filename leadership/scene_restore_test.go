// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Runner.Restore: raft's main loop copies the snapshot, and answers nobody.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// slowSnapshot takes its time at its first byte, as one does that comes over a
// slow network.
type slowSnapshot struct {
	io.Reader
	after time.Duration
	begun chan struct{}
}

func (s *slowSnapshot) Read(p []byte) (int, error) {
	if s.after > 0 {
		close(s.begun)
		time.Sleep(s.after)
		s.after = 0
	}
	return s.Reader.Read(p)
}

// snapshot takes a snapshot of what the state machine is, so that the oracle knows
// the history that Restore brings back.
func (c *crew) snapshot(m *member, after time.Duration) (*raft.SnapshotMeta, *slowSnapshot) {
	_, err := c.Apply(c.ctx, []byte("x"))
	require.NoError(c.t, err)
	time.Sleep(time.Second)
	taken := m.raft.Snapshot()
	require.NoError(c.t, taken.Error())
	meta, source, err := taken.Open()
	require.NoError(c.t, err)
	data, err := io.ReadAll(source)
	require.NoError(c.t, err)
	require.NoError(c.t, source.Close())
	return meta, &slowSnapshot{bytes.NewReader(data), after, make(chan struct{})}
}

// A restore of a minute is not a hung disk, for the watchdog that fences least of
// all; and the session that comes after it is a new one.
func TestRestoreSuspendsTheWatchdog(t *testing.T) {
	for _, fence := range []bool{false, true} {
		t.Run(fmt.Sprint("fence ", fence), func(t *testing.T) {
			conf := leadership.Config{
				CatchUpStall: 10 * time.Second,
				Watchdog:     leadership.Watchdog{Fence: fence, WriteProbe: time.Second},
			}
			withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
				t := c.t
				m := c.serving()
				meta, data := c.snapshot(m, time.Minute)
				s := m.runner.Session()
				done := make(chan error, 1)
				start := time.Now()
				go func() { done <- m.runner.Restore(c.ctx, meta, data) }()
				<-data.begun
				for time.Since(start) < 59*time.Second {
					require.NoError(t, m.runner.Check())
					require.NoError(t, s.Context().Err())
					time.Sleep(250 * time.Millisecond)
				}
				require.Same(t, s, m.runner.Session())
				require.NoError(t, <-done)
				require.GreaterOrEqual(t, time.Since(start), time.Minute)
				require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrReasserted, "before Restore returns")
				next, err := m.runner.Ready(c.ctx)
				require.NoError(t, err)
				require.Equal(t, s.Epoch(), next.Epoch())
				require.Equal(t, 2, next.Attempt())
				require.Equal(t, 2, m.count("establish"))
				require.False(t, m.has(func(e leadership.Event) bool { return e.Note == "found" }), "%v", m.runner.Timeline())
				_, _, err = next.Apply(c.ctx, []byte("y"))
				require.NoError(t, err)

				// It looks again.
				start = time.Now()
				c.Server(m.id).Logs().Hang()
				m.write()
				c.until("the hung disk is found", func() bool { return m.runner.Check() != nil })
				within(t, "hung disk after the restore to found", start, zombieLimit)
			})
		})
	}
}

// An attempt that is under way meanwhile waits, and is made again.
func TestRestoreDuringCatchUp(t *testing.T) {
	withCrew(t, leadership.Config{CatchUpStall: 5 * time.Second}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		meta, data := c.snapshot(m, 30*time.Second)
		done := make(chan error, 1)
		go func() { done <- m.runner.Restore(c.ctx, meta, data) }()
		<-data.begun
		m.runner.Reassert()
		require.NoError(t, <-done)
		s, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Zero(t, m.runner.Status().Failures)
		require.False(t, m.has(func(e leadership.Event) bool { return e.Note == "the attempt failed" }), "%v", m.runner.Timeline())
		require.Greater(t, s.Attempt(), 1)
		require.True(t, m.leads())
	})
}

// raft cannot be stopped; the wait for it can.
func TestRestoreOutlivesItsCaller(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		meta, data := c.snapshot(m, 20*time.Second)
		s := m.runner.Session()
		ctx, cancel := context.WithTimeout(c.ctx, time.Second)
		defer cancel()
		err := m.runner.Restore(ctx, meta, data)
		require.ErrorIs(t, err, leadership.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(10 * time.Second)
		require.NoError(t, m.runner.Check())
		require.NoError(t, s.Context().Err())
		<-s.Context().Done()
		require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrReasserted)
		_, err = m.runner.Ready(c.ctx)
		require.NoError(t, err)

		require.ErrorIs(t, m.runner.Restore(ctx, meta, data), context.DeadlineExceeded)
		require.NotErrorIs(t, m.runner.Restore(ctx, meta, data), leadership.ErrOutcomeUnknown, "it was not begun")
		require.Error(t, m.runner.Restore(c.ctx, nil, data))
		require.Error(t, m.runner.Restore(c.ctx, meta, nil))
		require.Error(t, m.runner.Restore(nil, meta, data)) //nolint:staticcheck // a nil context is what is tested
		require.ErrorIs(t, c.others(m)[0].runner.Restore(c.ctx, meta, data), raft.ErrNotLeader)
	})
}

// A restore that raft does not even take, because its disk hangs, must not keep
// the watchdog from saying so.
func TestRestoreThatRaftDoesNotTake(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		meta, data := c.snapshot(m, time.Second)
		c.Server(m.id).Logs().Hang()
		m.write()
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- m.runner.Restore(c.ctx, meta, data) }()
		c.until("the hung disk is found", func() bool { return m.runner.Check() != nil || time.Since(start) > time.Minute })
		within(t, "hung disk to found", start, zombieLimit)
		require.ErrorIs(t, m.runner.Check(), leadership.ErrUnresponsive)
		c.Server(m.id).Logs().Release()
		require.NoError(t, <-done)
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.NoError(t, m.runner.Check())
	})
}
