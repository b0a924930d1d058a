// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// What a Runner tells: Events, Timeline and the log.

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// teller keeps what Events are told.
type teller struct {
	mu       sync.Mutex
	events   []leadership.Event
	findings []error
	block    chan struct{} // nil: it does not
}

func (e *teller) conf() leadership.Events {
	return leadership.Events{
		Phase: func(ev leadership.Event) {
			if e.block != nil {
				<-e.block
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.events = append(e.events, ev)
		},
		Finding: func(err error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.findings = append(e.findings, err)
		},
	}
}

// Events come in order, and are those of the Timeline.
func TestEventsInOrder(t *testing.T) {
	e := &teller{}
	conf := leadership.Config{Events: e.conf()}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		m := c.serving()
		for range 10 {
			m.runner.Reassert()
			_, err := m.runner.Ready(c.ctx)
			require.NoError(t, err)
		}
		m.stop()
		c.ended(m)
		require.NoError(t, m.err)
		told := e.events
		require.Equal(t, m.runner.Timeline(), told, "all that there was, told before Run returns")
		for i, e := range told[1:] {
			require.Equal(t, e.At.Sub(told[i].At), e.Took, "%v", e)
			require.NotEqual(t, told[i].Phase, e.Phase)
		}
		var phases []leadership.Phase
		for _, e := range told[:8] {
			phases = append(phases, e.Phase)
		}
		require.Equal(t, []leadership.Phase{
			leadership.Following, leadership.CatchingUp, leadership.Establishing, leadership.Serving,
			leadership.Draining, leadership.Revoking, leadership.Waiting, leadership.CatchingUp,
		}[:6], phases[:6])
		require.ErrorIs(t, told[4].Err, leadership.ErrReasserted)
		require.Equal(t, leadership.Closed, told[len(told)-1].Phase)
		require.Zero(t, m.runner.Status().EventsDropped)
	})
}

// A function of Events that blocks holds up nothing but the last step of Run, and
// that names it. Whatever ended Run.
func TestGuarantee14_EventsThatBlock(t *testing.T) {
	for _, how := range []string{"stopped", "raft shuts down"} {
		t.Run(how, func(t *testing.T) {
			e := &teller{}
			conf := leadership.Config{Events: e.conf(), TimelineSize: 20}
			withCrewIn(t, conf, testcluster.Config{Servers: 1}, func() { e.block = make(chan struct{}) }, func(c *crew) {
				t := c.t
				release := sync.OnceFunc(func() { close(e.block) })
				t.Cleanup(release)
				m := c.serving()
				for range 100 {
					start := time.Now()
					m.runner.Reassert()
					_, err := m.runner.Ready(c.ctx)
					require.NoError(t, err)
					require.Less(t, time.Since(start), time.Millisecond)
				}
				require.Len(t, m.runner.Timeline(), 20, "it is bounded, and holds the newest")
				dropped := m.runner.Status().EventsDropped
				require.Greater(t, dropped, uint64(100))
				require.NoError(t, m.runner.Check())

				start := time.Now()
				if how == "stopped" {
					m.stop()
				} else {
					m.raft.Shutdown()
				}
				c.ended(m)
				within(t, "end to Run's return", start, leadership.Grace)
				var stuck *leadership.StuckError
				require.ErrorAs(t, m.err, &stuck)
				require.Contains(t, stuck.Op, "Config.Events")
				if how == "stopped" {
					require.ErrorIs(t, m.err, leadership.ErrStopped)
				} else {
					require.ErrorIs(t, m.err, leadership.ErrClosed)
				}
				release()
				<-stuck.Done
				synctest.Wait()
				require.Len(t, e.events, 257, "the newest 256, and the one it was in")
			})
		})
	}
}

// Finding is told what is found, and nil when nothing is any more.
func TestEventsFindingIsWhatIsFound(t *testing.T) {
	e := &teller{}
	withCrew(t, leadership.Config{Events: e.conf()}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		c.Server(m.id).FSM().Hang()
		m.flood()
		require.ErrorIs(t, m.runner.Check(), leadership.ErrFSMStalled)
		require.ErrorIs(t, m.runner.Check(), leadership.ErrUnresponsive)
		c.Server(m.id).FSM().Release()
		time.Sleep(10 * time.Second)
		require.NoError(t, m.runner.Check())
		e.mu.Lock()
		defer e.mu.Unlock()
		require.NotEmpty(t, e.findings)
		for i, err := range e.findings {
			last := i == len(e.findings)-1
			require.Equal(t, last, err == nil, "no. %d of %q", i, e.findings)
		}
	})
}

// syncBuffer is where the log goes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The log is for operators: what happened, why, and what to look at.
func TestLog(t *testing.T) {
	var log syncBuffer
	conf := leadership.Config{
		EstablishTimeout: time.Second,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug}),
	}
	withCrew(t, conf, testcluster.Config{Servers: 1, Configure: quiet}, func(c *crew) {
		t := c.t
		h := c.hang()
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if what == "establish" && m.count(what) < 5 {
				return errors.New("the backend is down")
			}
			if what == "establish" && m.count(what) == 6 {
				h.wait()
			}
			return nil
		})
		m := c.serving()
		require.Contains(t, log.String(), "leading: the session serves")
		require.Contains(t, log.String(), "this server leads and could not become ready: error=\"the backend is down\" failures=1")
		require.Contains(t, log.String(), "elsewhere_first=true")
		m.runner.Reassert()
		c.until("it is stuck", m.in(leadership.Quarantined))
		require.Contains(t, log.String(), "a callback does not return")
		require.Contains(t, log.String(), "callback=establish")
		require.Contains(t, log.String(), "TestLog", "its stack")
		h.release()
		c.serving()
	})
}
