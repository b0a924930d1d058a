// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Attempts that fail, and what follows: S7, S8, S9 and S31 of the failure
// catalogue.

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// S7: a barrier that raft has accepted and never answers, because its state
// machine hangs. Whatever ends the attempt ends the wait for it.
func TestS7_BarrierIsNeverAnswered(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(c *crew, m *member)
		gone func(m *member) bool
	}{
		{"Run's context ends", func(_ *crew, m *member) { m.stop() }, func(m *member) bool {
			select {
			case <-m.done:
				return m.err == nil
			default:
				return false
			}
		}},
		{"a loss", func(c *crew, m *member) {
			if err := c.Server(c.others(m)[0].id).Kick(); err != nil {
				c.t.Error(err)
			}
		}, func(m *member) bool { return m.phase() == leadership.Following }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withCrew(t, leadership.Config{Watchdog: leadership.Watchdog{Off: true}}, testcluster.Config{}, func(c *crew) {
				t := c.t
				m := c.serving()
				c.Server(m.id).FSM().Hang()
				m.raft.Apply([]byte("x"), 0)
				time.Sleep(100 * time.Millisecond)
				m.runner.Reassert()
				c.until("it catches up", m.in(leadership.CatchingUp))
				time.Sleep(10 * time.Second)
				require.Equal(t, leadership.CatchingUp, m.phase())
				require.Equal(t, leadership.NotReady, m.runner.Status().Health())
				tc.end(c, m)
				start := time.Now()
				c.until("it has ended", func() bool { return tc.gone(m) })
				within(t, "end to the end of the wait", start, 50*time.Millisecond)
				require.Equal(t, 1, m.count("establish"))
				require.Equal(t, 1, m.runner.Status().Outstanding, "and what raft still owes is counted")
				c.Server(m.id).FSM().Release()
				time.Sleep(time.Second)
				require.Zero(t, m.runner.Status().Outstanding)
			})
		})
	}
}

// S7: attempt after attempt, and one barrier is all that waits.
func TestS7_OneBarrierAtATime(t *testing.T) {
	conf := leadership.Config{CatchUpStall: time.Second, TransferAfter: -1, Watchdog: leadership.Watchdog{Off: true}}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		m := c.serving()
		c.Server(m.id).FSM().Hang()
		m.raft.Apply([]byte("x"), 0)
		m.runner.Reassert()
		time.Sleep(time.Minute)
		require.Greater(t, m.runner.Status().Failures, 5)
		require.Equal(t, 1, m.runner.Status().Outstanding)
		require.ErrorIs(t, m.runner.Status().Err, leadership.ErrNoProgress)
		c.Server(m.id).FSM().Release()
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.Zero(t, m.runner.Status().Outstanding)
	})
}

// S8: raft refuses the barrier because a transfer is under way (nomad, consul: a
// minute without service). Here the flag stands for as long as the link is slow.
func TestGuarantee17_S8_RetriableBarrierError(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{}, func(c *crew) {
		t := c.t
		m := c.serving()
		to := c.others(m)[0].id
		const slow = 90 * time.Millisecond
		lossy := testcluster.Link{MinDelay: slow, MaxDelay: slow, Drop: 1}
		require.NoError(t, c.Network().Set(m.id, to, lossy))
		began := make(chan time.Time, 1)
		c.on(func(_ context.Context, _ *member, what string, _ *leadership.Session) error {
			if what == "establish" {
				began <- time.Now()
			}
			return nil
		})
		transfer := m.raft.LeadershipTransferToServer(to, c.Server(to).Address())
		time.Sleep(time.Millisecond)
		require.ErrorIs(t, m.raft.Barrier(0).Error(), raft.ErrLeadershipTransferInProgress, "else this proves nothing")
		m.runner.Reassert()
		require.Error(t, transfer.Error())
		over := time.Now()
		within(t, "end of the refusals to Establish", over, 0)
		took := (<-began).Sub(over)
		t.Logf("end of the refusals to Establish: %v", took)
		require.Less(t, took, 200*time.Millisecond)
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		require.NoError(t, m.runner.Check())
		require.Equal(t, 2, m.count("establish"), "it was no failure of the attempt")
		c.Heal()
	})
}

// S9: establish fails again and again. The pause grows, the third failure tries
// another server, and two such tries in ten minutes are enough (nomad#12293).
func TestGuarantee17_S9_EstablishFailsEverywhere(t *testing.T) {
	withCrew(t, leadership.Config{TimelineSize: 10000}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		broken := errors.New("the backend is down")
		type try struct {
			m  *member
			at time.Time
		}
		tries := make(chan try, 10000)
		c.on(func(_ context.Context, m *member, what string, _ *leadership.Session) error {
			if what == "establish" {
				tries <- try{m, time.Now()}
				return broken
			}
			return nil
		})
		time.Sleep(9 * time.Minute)
		moves, all := 0, 0
		var last try
		for range len(tries) {
			next := <-tries
			pause := next.at.Sub(last.at)
			switch {
			case last.m == nil:
			case last.m != next.m:
				moves++
			default:
				require.GreaterOrEqual(t, pause, 50*time.Millisecond)
				require.LessOrEqual(t, pause, 10*time.Second+50*time.Millisecond)
			}
			last = next
		}
		for _, m := range c.starts {
			s := m.runner.Status()
			if m.count("establish") > 0 {
				require.GreaterOrEqual(t, s.Failures, 3, m.id)
				require.ErrorIs(t, s.Err, broken)
			}
			if s.Leader {
				require.Equal(t, leadership.NotReady, s.Health())
				require.Greater(t, m.count("establish"), 9*60/10-10, "it keeps trying")
				require.Less(t, m.count("establish"), 2*9*60/10+30, "and does not spin")
			}
			attempts, transfers := 0, 0
			for _, e := range m.runner.Timeline() {
				switch {
				case e.Note == "the transfer failed":
					all--
					t.Log(e)
				case e.Note != "":
				case e.Phase == leadership.Establishing:
					attempts++
				case e.Phase == leadership.HandingOver && e.Err != nil: // else it hears of its next epoch meanwhile
					transfers++
					require.GreaterOrEqual(t, attempts, 3, "%s: not before the third", m.id)
				}
			}
			require.LessOrEqual(t, transfers, 2, m.id)
			all += transfers
		}
		t.Logf("%d moves, %d transfers", moves, all)
		require.Equal(t, moves, all)
		require.Positive(t, moves)

		c.on(nil)
		m := c.serving()
		s := m.runner.Status()
		require.NoError(t, s.Err)
		require.Zero(t, s.Failures)
	})
}

// quiet saves the simulation most of an idle raft's work.
func quiet(_ raft.ServerID, conf *raft.Config) { conf.CommitTimeout = 500 * time.Millisecond }

// S9, alone: a single voter has nobody to hand over to, and keeps trying, later
// each time.
func TestS9_SingleVoterKeepsTrying(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Servers: 1, Configure: quiet}, func(c *crew) {
		t := c.t
		var at []time.Time
		c.on(func(_ context.Context, _ *member, what string, s *leadership.Session) error {
			if what != "establish" {
				return nil
			}
			at = append(at, time.Now())
			if s.Attempt() == 20 {
				return nil
			}
			return fmt.Errorf("no. %d", s.Attempt())
		})
		m := c.of("n1")
		_, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, at, 20)
		for i := 1; i < len(at); i++ {
			pause, full := at[i].Sub(at[i-1]), min(10*time.Second, 100*time.Millisecond<<min(i-1, 10))
			require.GreaterOrEqual(t, pause, full/2, "pause %d", i)
			require.LessOrEqual(t, pause, full+50*time.Millisecond, "pause %d", i)
		}
		require.Equal(t, uint64(1), m.runner.Status().Epoch)
	})
}

// An attempt that returns nil too late has failed: revoke, and another attempt
// with twice the time, elsewhere first.
func TestS9_SlowEstablishGetsMoreTime(t *testing.T) {
	conf := leadership.Config{EstablishTimeout: time.Second, TransferAfter: -1}
	withCrew(t, conf, testcluster.Config{Servers: 1}, func(c *crew) {
		t := c.t
		var limits []time.Duration
		c.on(func(ctx context.Context, _ *member, what string, s *leadership.Session) error {
			if what != "establish" {
				return nil
			}
			deadline, ok := ctx.Deadline()
			limits = append(limits, time.Until(deadline))
			if !ok || s.Attempt() == 4 {
				return nil
			}
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), leadership.ErrEstablishTimeout) {
				t.Error(context.Cause(ctx))
			}
			return nil // in Grace, but too late
		})
		m := c.of("n1")
		s, err := m.runner.Ready(c.ctx)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 4, s.Attempt())
		require.Equal(t, 3, m.count("revoke"))
		require.Equal(t, []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, limits)
		for old := range m.causes {
			require.ErrorIs(t, m.causes[old], leadership.ErrEstablishTimeout)
		}
	})
}

// S31: a state machine that is far behind and gets on is no failure, however
// long it takes in all (nats-streaming#1287); one that hangs is given up.
func TestS31_SlowCatchUpIsNoFailure(t *testing.T) {
	conf := leadership.Config{CatchUpStall: 10 * time.Second, TransferAfter: -1}
	withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m, entries := c.serving(), 100
		behind := c.others(m)[0]
		const each = 2 * time.Second
		c.Server(behind.id).FSM().Slow(each)
		for range entries {
			_, err := c.Apply(c.ctx, []byte("x"))
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond) // an append each: a batch each
		}
		time.Sleep(time.Second)
		start := time.Now()
		require.NoError(t, c.Server(behind.id).Kick())
		c.until("it leads", behind.leads)
		_, err := behind.runner.Ready(c.ctx)
		require.NoError(t, err)
		t.Logf("catch-up took %v", time.Since(start))
		require.Greater(t, time.Since(start), 3*time.Minute)
		require.Greater(t, time.Since(start), 10*conf.CatchUpStall)
		require.Equal(t, c.Server(m.id).FSM().Chain(), c.Server(behind.id).FSM().Chain(), "caught up before establish")
		s := behind.runner.Status()
		require.Equal(t, 1, s.Attempt, "it was given up in between: %v", behind.runner.Timeline())
		c.Heal()
	})
}

func TestS31_CatchUpWithoutProgressIsGivenUp(t *testing.T) {
	conf := leadership.Config{CatchUpStall: 10 * time.Second}
	withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		wedged := c.others(m)[0]
		c.Server(wedged.id).FSM().Hang()
		_, err := c.Apply(c.ctx, []byte("x"))
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NoError(t, m.runner.Transfer(c.ctx, wedged.id))
		c.until("it leads", wedged.leads)
		start := time.Now()
		next := c.successor(wedged)
		within(t, "wedged catch-up to another server serving", start, conf.CatchUpStall+conf.CatchUpStall/8+time.Second)
		require.NotEqual(t, wedged, next)
		require.Zero(t, wedged.count("establish"))
		require.ErrorIs(t, wedged.runner.Status().Err, leadership.ErrNoProgress)
		require.Equal(t, 1, wedged.runner.Status().Failures)
		c.Server(wedged.id).FSM().Release()
	})
}
