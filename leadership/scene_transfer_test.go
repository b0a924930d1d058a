// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Leadership that is handed over: S17 and S18 of the failure catalogue.

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// did is a step of a callback.
type did struct {
	id   raft.ServerID
	what string
}

// diary notes what all servers' callbacks do, in order.
type diary struct {
	mu    sync.Mutex
	lines []did
}

func (d *diary) note(id raft.ServerID, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, did{id, what})
}

func (d *diary) take() []did {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// S17: the new leader's establish begins when the old one's revoke is over.
func TestS17_DrainAndRevokeComeFirst(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		var d diary
		c.on(func(_ context.Context, m *member, what string, s *leadership.Session) error {
			d.note(m.id, what+" begins")
			if what == "establish" {
				s.Go("pump", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(200 * time.Millisecond)
					d.note(m.id, "pump ends")
					return nil
				})
			} else {
				time.Sleep(300 * time.Millisecond)
				d.note(m.id, what+" ends")
			}
			return nil
		})
		m := c.serving()
		s := m.runner.Session()
		for _, to := range c.others(m) {
			d.take()
			require.NoError(t, m.runner.Transfer(c.ctx, to.id))
			require.ErrorIs(t, context.Cause(s.Context()), leadership.ErrHandingOver)
			require.Equal(t, leadership.Following, m.phase())
			next := c.successor(m)
			require.Equal(t, to, next, "it is the one that was asked for")
			require.Equal(t, []did{
				{m.id, "pump ends"}, {m.id, "revoke begins"}, {m.id, "revoke ends"}, {next.id, "establish begins"},
			}, d.take())
			m, s = next, next.runner.Session()
		}
	})
}

// S17: a transfer that fails leaves a server that leads, and serves again.
func TestS17_FailedTransferIsFollowedByASession(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		s := m.runner.Session()
		time.Sleep(time.Second)
		to, third := c.others(m)[0], c.others(m)[1]
		require.NoError(t, c.Network().Set(m.id, to.id, testcluster.Link{Drop: 1}))
		err := m.runner.Transfer(c.ctx, to.id)
		require.ErrorContains(t, err, "TimeoutNow")
		require.ErrorContains(t, err, string(to.id))
		start := time.Now()
		next, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		within(t, "failed transfer to serving", start, 200*time.Millisecond)
		require.NotSame(t, s, next)
		require.Equal(t, s.Epoch(), next.Epoch())
		require.Equal(t, 2, next.Attempt())
		require.Zero(t, m.runner.Status().Failures, "that was no failure of the attempt")

		// The one that failed is not aimed at again, whoever asks: raft#696.
		require.ErrorIs(t, m.runner.Transfer(c.ctx, to.id), leadership.ErrSilentTarget)
		require.NoError(t, m.runner.Transfer(c.ctx, ""))
		require.Equal(t, third, c.successor(m))
		c.Heal()
		require.NoError(t, third.runner.Transfer(c.ctx, m.id))
		c.until("it serves again", func() bool { return m.runner.Session() != nil })
		time.Sleep(time.Second)
		require.NoError(t, m.runner.Transfer(c.ctx, to.id), "another leadership, another try")
	})
}

// What Transfer refuses, and why.
func TestGuarantee17_TransferErrors(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 4, Voters: 3}, func(c *crew) {
		t := c.t
		m := c.serving()
		s := m.runner.Session()
		nonvoter := raft.ServerID("n4")
		require.NoError(t, m.raft.AddNonvoter(nonvoter, c.Server(nonvoter).Address(), 0, 0).Error())
		for _, tc := range []struct {
			name string
			to   raft.ServerID
			on   *member
			want error
		}{
			{"nobody", "n9", m, leadership.ErrNoTarget},
			{"a non-voter", nonvoter, m, leadership.ErrNoTarget},
			{"itself", m.id, m, leadership.ErrNoTarget},
			{"a follower asks", "", c.others(m)[0], raft.ErrNotLeader},
		} {
			require.ErrorIs(t, tc.on.runner.Transfer(c.ctx, tc.to), tc.want, tc.name)
			_, err := m.runner.Ready(c.ctx)
			require.NoError(t, err, tc.name)
		}
		require.NotSame(t, s, m.runner.Session(), "the session had ended for it")
		require.Error(t, m.runner.Transfer(nil, "")) //nolint:staticcheck // a nil context is what is tested

		// One that raft's heartbeats do not reach.
		silent := c.others(m)[0]
		if silent.id == nonvoter {
			silent = c.others(m)[1]
		}
		require.NoError(t, c.Network().Isolate(silent.id))
		time.Sleep(3 * time.Second)
		require.ErrorIs(t, m.runner.Transfer(c.ctx, silent.id), leadership.ErrSilentTarget)
		require.NoError(t, m.runner.Transfer(c.ctx, ""), "somebody else is fit")
		next := c.successor(m)
		require.NotEqual(t, silent, next)
		c.Heal()

		// Two at once. The first takes as long as the revoke.
		h := c.hang()
		c.on(func(_ context.Context, _ *member, what string, _ *leadership.Session) error {
			if what == "revoke" {
				h.wait()
			}
			return nil
		})
		_, err := next.runner.Ready(c.ctx)
		require.NoError(t, err)
		first := make(chan error, 1)
		go func() { first <- next.runner.Transfer(c.ctx, "") }()
		c.until("it revokes", next.in(leadership.Revoking))
		require.ErrorIs(t, next.runner.Transfer(c.ctx, ""), leadership.ErrTransferPending)

		// ctx bounds the wait, and not the transfer.
		impatient, cancel := context.WithTimeout(c.ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, next.runner.Transfer(impatient, ""), leadership.ErrTransferPending, "a second one is refused at once")
		h.release()
		require.NoError(t, <-first)
		next.stop()
		c.ended(next)
		require.ErrorIs(t, next.runner.Transfer(c.ctx, ""), leadership.ErrStopped)
	})
}

// ctx bounds the wait for a transfer, and not the transfer.
func TestTransferOutlivesItsCaller(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		c.on(func(_ context.Context, on *member, what string, _ *leadership.Session) error {
			if what == "revoke" && on == m {
				time.Sleep(time.Second)
			}
			return nil
		})
		ctx, cancel := context.WithTimeout(c.ctx, 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, m.runner.Transfer(ctx, ""), context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		c.successor(m)
	})
}

// A server whose main loop hangs cannot hand over. It says so in time.
func TestTransferOfAHungServer(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		require.NoError(t, c.Server(m.id).Pause(c.ctx))
		ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, m.runner.Transfer(ctx, ""), context.DeadlineExceeded)
		within(t, "transfer of a hung server", start, 2*time.Second)
		require.ErrorIs(t, m.runner.Transfer(ctx, ""), leadership.ErrTransferPending, "raft may still make the first one")
		c.Server(m.id).Resume()
	})
}

// TransferOnClose: revoked, handed over, and only then Run returns.
func TestS17_TransferOnClose(t *testing.T) {
	withCrew(t, leadership.Config{TransferOnClose: true}, testcluster.Config{}, func(c *crew) {
		t := c.t
		var d diary
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			d.note(m.id, what)
			return nil
		})
		m := c.serving()
		d.take()
		time.Sleep(time.Second)
		start := time.Now()
		m.stop()
		c.ended(m)
		require.NoError(t, m.err)
		require.NotEqual(t, raft.Leader, m.raft.State())
		next := c.successor(m)
		within(t, "end of Run's context to another server serving", start, 100*time.Millisecond)
		require.Equal(t, []did{{m.id, "revoke"}, {next.id, "establish"}}, d.take())

		// A transfer that fails holds up the end for two election timeouts at most.
		for _, other := range c.others(next) {
			require.NoError(t, c.Network().Set(next.id, other.id, testcluster.Link{BlackHole: true}))
		}
		start = time.Now()
		next.stop()
		c.ended(next)
		within(t, "end of Run's context to its return", start, 2*time.Second)
		require.NoError(t, next.err)
		c.Heal()
	})
}

// S17: what ends Run does not wait for a transfer that nobody can make.
func TestS17_TransferOnCloseAlone(t *testing.T) {
	withCrew(t, leadership.Config{TransferOnClose: true}, testcluster.Config{Servers: 1}, func(c *crew) {
		m := c.serving()
		start := time.Now()
		m.stop()
		c.ended(m)
		require.NoError(c.t, m.err)
		within(c.t, "end of Run's context to its return", start, 0)
	})
}

// S18: the target of a transfer wins without a pre-vote, and with a state machine
// that lags. Establish waits for it.
func TestGuarantee11_S18_TargetWithALaggingStateMachine(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		to := c.others(m)[0]
		type chains struct{ want, got testcluster.Chain }
		seen := make(chan chains, 10)
		c.on(func(_ context.Context, on *member, what string, _ *leadership.Session) error {
			if on == to && what == "establish" {
				seen <- chains{c.Server(m.id).FSM().Chain(), c.Server(to.id).FSM().Chain()}
			}
			return nil
		})
		c.Server(to.id).FSM().Slow(500 * time.Millisecond)
		for range 20 {
			_, err := c.Apply(c.ctx, []byte("x"))
			require.NoError(t, err)
		}
		require.NoError(t, m.runner.Transfer(c.ctx, to.id))
		c.until("it leads", to.leads)
		start := time.Now()
		time.Sleep(time.Second)
		require.Equal(t, leadership.CatchingUp, to.phase())
		require.Equal(t, leadership.NotReady, to.runner.Status().Health())
		s, err := to.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Greater(t, time.Since(start), 5*time.Second)
		at := <-seen
		require.Equal(t, at.want, at.got)
		require.Positive(t, at.got.Commands)
		require.Equal(t, 1, s.Attempt())
		c.Heal()
	})
}
