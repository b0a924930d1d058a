// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Runners on real raft, in virtual time, and an oracle that watches what they
// call.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// member is one start of one server, and what its Runner did.
type member struct {
	crew     *crew
	id       raft.ServerID
	raft     *raft.Raft
	notifier *leadership.Notifier
	runner   *leadership.Runner
	stop     context.CancelFunc
	done     chan struct{} // Run has returned
	err      error         // what it returned

	mu       sync.Mutex
	active   int                           // callbacks that run
	open     *leadership.Session           // established, not revoked
	calls    map[string]int                // by name
	sessions []*leadership.Session         // in the order of Establish
	causes   map[*leadership.Session]error // of Revoke
	wrong    []error                       // what must not happen
	stuck    []*leadership.StuckError      // told by OnStuck
}

// crew is every start of every server.
type crew struct {
	*testcluster.Cluster
	t       *testing.T
	ctx     context.Context
	conf    leadership.Config
	wire    func(raft.ServerID, *raft.Config) // of the test, or nil
	mu      sync.Mutex
	act     action // what the callbacks do; nil: nothing
	made    map[raft.ServerID]*leadership.Notifier
	current map[raft.ServerID]*member
	starts  []*member
}

// action is what a callback does: "establish", "reconcile" or "revoke".
type action func(ctx context.Context, m *member, what string, s *leadership.Session) error

// on says what the callbacks do from now on.
func (c *crew) on(act action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.act = act
}

// do runs what the test wants a callback to do.
func (c *crew) do(ctx context.Context, m *member, what string, s *leadership.Session) error {
	c.mu.Lock()
	act := c.act
	c.mu.Unlock()
	if act == nil {
		return nil
	}
	return act(ctx, m, what, s)
}

// called wraps a callback with the checks that hold for every one.
func (m *member) called(ctx context.Context, what string, s *leadership.Session) error {
	m.mu.Lock()
	m.active++
	m.calls[what]++
	if m.active != 1 {
		m.wrong = append(m.wrong, fmt.Errorf("%s: %s runs beside another callback", m.id, what))
	}
	switch what {
	case "establish":
		if m.open != nil {
			m.wrong = append(m.wrong, fmt.Errorf("%s: establish before the revoke of the last one", m.id))
		}
		m.open = s
		m.sessions = append(m.sessions, s)
	case "reconcile":
		if m.open != s {
			m.wrong = append(m.wrong, fmt.Errorf("%s: reconcile without establish", m.id))
		}
	case "revoke":
		if m.open != s || s.Context().Err() == nil {
			m.wrong = append(m.wrong, fmt.Errorf("%s: revoke of another session, or of one that stands (%v)", m.id, s.Context().Err()))
		}
		m.open = nil
		m.causes[s] = context.Cause(s.Context())
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.active--
		m.mu.Unlock()
	}()
	return m.crew.do(ctx, m, what, s)
}

func (m *member) role() leadership.Role {
	return leadership.Role{
		Establish: func(ctx context.Context, s *leadership.Session) error { return m.called(ctx, "establish", s) },
		Reconcile: func(ctx context.Context, s *leadership.Session) error { return m.called(ctx, "reconcile", s) },
		Revoke: func(ctx context.Context, s *leadership.Session, cause error) error {
			if cause.Error() != context.Cause(s.Context()).Error() { // errors.Is needs errors that == takes
				m.mu.Lock()
				m.wrong = append(m.wrong, fmt.Errorf("%s: revoke says %w, the context %w", m.id, cause, context.Cause(s.Context())))
				m.mu.Unlock()
			}
			return m.called(ctx, "revoke", s)
		},
	}
}

func (m *member) count(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[what]
}

// payUp waits until what was stuck when Run returned has returned and is revoked.
func (m *member) payUp() {
	for start := time.Now(); m.runner.Status().Phase != leadership.Closed && time.Since(start) < time.Hour; {
		time.Sleep(time.Millisecond)
	}
}

func (c *crew) configure(id raft.ServerID, conf *raft.Config) {
	n := leadership.NewNotifier()
	conf.NotifyCh = n.NotifyCh()
	if c.wire != nil {
		c.wire(id, conf)
	}
	c.mu.Lock()
	c.made[id] = n
	c.mu.Unlock()
}

func (c *crew) started(server *testcluster.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	m := &member{
		crew: c, id: server.ID(), raft: server.Raft(), notifier: c.made[server.ID()], stop: stop,
		done: make(chan struct{}), calls: map[string]int{}, causes: map[*leadership.Session]error{},
	}
	conf := c.conf
	conf.OnStuck = func(e *leadership.StuckError) {
		m.mu.Lock()
		m.stuck = append(m.stuck, e)
		m.mu.Unlock()
		if c.conf.OnStuck != nil {
			c.conf.OnStuck(e)
		}
	}
	runner, err := leadership.New(m.raft, m.notifier, m.role(), conf)
	if err != nil {
		c.t.Error(err)
		close(m.done)
		return
	}
	m.runner = runner
	c.current[m.id] = m
	c.starts = append(c.starts, m)
	go func() {
		defer close(m.done)
		m.err = runner.Run(ctx)
	}()
}

func (c *crew) of(id raft.ServerID) *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current[id]
}

// serving waits until some server serves, and returns its member.
func (c *crew) serving() *member {
	s, err := c.Leader(c.ctx)
	require.NoError(c.t, err)
	m := c.of(s.ID())
	_, err = m.runner.Ready(c.ctx)
	require.NoError(c.t, err)
	return m
}

// ended waits until Run has returned.
func (c *crew) ended(m *member) {
	c.t.Helper()
	select {
	case <-m.done:
	case <-time.After(time.Minute):
		require.Fail(c.t, "Run of "+string(m.id)+" does not return")
	}
}

// verdict is what all members must agree on after the end of every Run.
func (c *crew) verdict() error {
	var errs []error
	for _, m := range c.starts {
		<-m.done
		m.payUp()
		m.mu.Lock()
		errs = append(errs, m.wrong...)
		if m.calls["establish"] != m.calls["revoke"] || m.open != nil || m.active != 0 {
			errs = append(errs, fmt.Errorf("%s: %d established, %d revoked, %d run, open %v; Run: %w",
				m.id, m.calls["establish"], m.calls["revoke"], m.active, m.open != nil, m.err))
		}
		m.mu.Unlock()
	}
	return errors.Join(append(errs, c.tokens())...)
}

// tokens checks what makes them fencing tokens: no two are the same, and the
// order by term is the order in the one log there is.
func (c *crew) tokens() error {
	at := map[uint64]leadership.Token{}
	var errs []error
	for _, m := range c.starts {
		var last leadership.Token
		for _, s := range m.sessions {
			token := s.Token()
			if other, taken := at[token.Index]; taken || token.Compare(last) <= 0 {
				errs = append(errs, fmt.Errorf("%s: token %v after %v; %v has its index", m.id, token, last, other))
			}
			at[token.Index], last = token, token
		}
	}
	for _, a := range at {
		for _, b := range at {
			if a.Index < b.Index && a.Term > b.Term {
				errs = append(errs, fmt.Errorf("tokens %v and %v are out of order", a, b))
			}
		}
	}
	return errors.Join(errs...)
}

// withCrew runs test on a cluster of three in a bubble.
// Afterwards, when every Run has returned and nothing is owed, the rest is called.
func withCrew(t *testing.T, conf leadership.Config, cluster testcluster.Config, test func(c *crew), afterwards ...func(c *crew)) {
	t.Helper()
	withCrewIn(t, conf, cluster, func() {}, test, afterwards...)
}

// withCrewIn is withCrew that calls first in the bubble, to make channels there.
func withCrewIn(t *testing.T, conf leadership.Config, cluster testcluster.Config, first func(), test func(c *crew), afterwards ...func(c *crew)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		first()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		c := &crew{t: t, ctx: ctx, conf: conf, wire: cluster.Configure, made: map[raft.ServerID]*leadership.Notifier{}, current: map[raft.ServerID]*member{}}
		cluster.Configure, cluster.Started = c.configure, c.started
		made, err := testcluster.New(cluster)
		require.NoError(t, err)
		c.Cluster = made
		c.ReportTo(t)
		t.Cleanup(func() {
			// raft never answers what it is asked in the instant it shuts down, or
			// what hangs then, and the bubble would report that and nothing else.
			c.Heal()
			time.Sleep(time.Second)
			for _, m := range c.starts {
				m.stop()
				c.ended(m)
			}
			time.Sleep(100 * time.Millisecond)
			cancel()
			closing := c.Close()
			verdict := c.verdict()
			require.NoError(t, closing)
			require.NoError(t, verdict)
			for _, f := range afterwards {
				f(c)
			}
		})
		test(c)
	})
}
