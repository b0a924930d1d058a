// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// What the scenes of a Runner have in common.

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/leadership"
)

// hang is where a callback waits, whatever its context says.
type hang struct {
	shut    chan struct{}
	release func()
}

// hang is released at the end of the test at the latest.
func (c *crew) hang() hang {
	shut := make(chan struct{})
	h := hang{shut, sync.OnceFunc(func() { close(shut) })}
	c.t.Cleanup(h.release)
	return h
}

func (h hang) wait() { <-h.shut }

// until waits for a condition, in virtual time.
func (c *crew) until(what string, cond func() bool) {
	c.t.Helper()
	for start, step := time.Now(), time.Millisecond; !cond(); time.Sleep(step) {
		switch waited := time.Since(start); {
		case waited < 3*time.Second:
			continue
		case waited < 15*time.Minute:
			step = 100 * time.Millisecond
			continue
		}
		for _, m := range c.starts {
			c.t.Logf("%s: %+v", m.id, m.runner.Status())
		}
		require.Fail(c.t, "waited in vain until "+what)
	}
}

func (m *member) phase() leadership.Phase { return m.runner.Status().Phase }

func (m *member) in(p leadership.Phase) func() bool {
	return func() bool { return m.phase() == p }
}

func (m *member) leads() bool { return m.raft.State() == raft.Leader }

// others are the members of the other servers.
func (c *crew) others(m *member) (others []*member) {
	for _, s := range c.Servers() {
		if s.ID() != m.id {
			others = append(others, c.of(s.ID()))
		}
	}
	return others
}

// successor waits until another server than m serves.
func (c *crew) successor(m *member) *member {
	c.t.Helper()
	var next *member
	c.until("another server than "+string(m.id)+" serves", func() bool {
		for _, other := range c.others(m) {
			if other.runner.Session() != nil {
				next = other
			}
		}
		return next != nil
	})
	return next
}

// within requires that something took as long as it may, on the virtual clock.
func within(t *testing.T, what string, start time.Time, limit time.Duration) {
	t.Helper()
	took := time.Since(start)
	t.Logf("%s: %v (limit %v)", what, took, limit)
	require.LessOrEqual(t, took, limit, what)
}

// told is what OnStuck was told.
func (m *member) told() []*leadership.StuckError {
	synctest.Wait() // it has a goroutine of its own
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*leadership.StuckError(nil), m.stuck...)
}

// has reports whether something in the Timeline matches.
func (m *member) has(match func(leadership.Event) bool) bool {
	return slices.ContainsFunc(m.runner.Timeline(), match)
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// keeper is a state machine that remembers the term of each command.
type keeper struct {
	mu    sync.Mutex
	terms map[string]uint64
}

func (k *keeper) Apply(l *raft.Log) any {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.terms[string(l.Data)] = l.Term
	return len(k.terms)
}

func (k *keeper) Snapshot() (raft.FSMSnapshot, error) {
	return nil, errors.New("a keeper makes no snapshots")
}
func (k *keeper) Restore(io.ReadCloser) error { return errors.New("a keeper restores nothing") }
