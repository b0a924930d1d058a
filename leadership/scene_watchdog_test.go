// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Leaders that cannot lead, and do not know: S19 and S20 of the failure
// catalogue.

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// zombieLimit is two of raft's default election timeouts.
const zombieLimit = 2 * time.Second

// write hands raft a command and waits for nothing.
func (m *member) write() { m.raft.Apply([]byte("x"), 10*time.Millisecond) }

// S20: raft says it leads, VerifyLeader may say so, and nothing works
// (consul#22064, raft#503). What hangs, and what is written meanwhile.
func TestGuarantee18_S20_ZombieLeader(t *testing.T) {
	for _, tc := range []struct {
		name   string
		probe  time.Duration
		wedge  func(c *crew, m *member)
		writes int
		want   error
	}{
		{"hung disk", 0, func(c *crew, m *member) { c.Server(m.id).Logs().Hang() }, 1, leadership.ErrUnresponsive},
		{"paused main loop", 0, func(c *crew, m *member) {
			if err := c.Server(m.id).Pause(c.ctx); err != nil {
				c.t.Error(err)
			}
		}, 0, leadership.ErrUnresponsive},
		{"wedged state machine, few writes", 0, func(c *crew, m *member) { c.Server(m.id).FSM().Hang() }, 5, leadership.ErrFSMStalled},
		{"wedged state machine, many writes", 0, func(c *crew, m *member) { c.Server(m.id).FSM().Hang() }, 400, leadership.ErrUnresponsive},
		{"wedged state machine, one write", 500 * time.Millisecond, func(c *crew, m *member) { c.Server(m.id).FSM().Hang() }, 1, leadership.ErrWritesStalled},
		{"stores of the followers", 500 * time.Millisecond, func(c *crew, m *member) {
			for _, other := range c.others(m) {
				c.Server(other.id).Logs().Hang()
			}
		}, 0, leadership.ErrWritesStalled},
	} {
		for _, fence := range []bool{false, true} {
			name := tc.name + ", reported"
			if fence {
				name = tc.name + ", fenced"
			}
			t.Run(name, func(t *testing.T) {
				conf := leadership.Config{Watchdog: leadership.Watchdog{Fence: fence, WriteProbe: tc.probe}}
				withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
					playZombie(c, fence, tc.want, func(m *member) {
						tc.wedge(c, m)
						go func() {
							for range tc.writes {
								m.write()
								time.Sleep(100 * time.Microsecond)
							}
						}()
						if tc.writes > 1 { // with one batch waiting, see doc.go
							c.until("it shows", func() bool { return m.raft.Stats()["fsm_pending"] != "0" })
						}
					})
				})
			})
		}
	}
}

func playZombie(c *crew, fence bool, want error, wedge func(m *member)) {
	t := c.t
	m := c.serving()
	s := m.runner.Session()
	time.Sleep(1234 * time.Millisecond)
	require.NoError(t, m.runner.Check())
	wedge(m)
	synctest.Wait() // until the write that is to hang does
	start := time.Now()
	c.until("it is found", func() bool { return m.runner.Check() != nil })
	within(t, "wedged to found", start, zombieLimit)
	require.True(t, m.leads(), "raft has not noticed")
	require.Equal(t, leadership.Stuck, m.runner.Status().Health())

	time.Sleep(30 * time.Second)
	require.True(t, m.leads())
	require.ErrorIs(t, m.runner.Check(), want)
	if !fence {
		require.NoError(t, s.Context().Err(), "reported only")
		require.Same(t, s, m.runner.Session())
		require.Zero(t, m.count("revoke"))
	} else {
		require.Error(t, s.Context().Err())
		require.Nil(t, m.runner.Session())
		require.Equal(t, 1, m.count("revoke"))
		require.Equal(t, leadership.Waiting, m.phase())
	}

	c.Heal()
	start = time.Now()
	next := c.serving()
	within(t, "healed to serving", start, 5*time.Second)
	c.until("nothing is found any more", func() bool { return next.runner.Check() == nil })
	within(t, "healed to healthy", start, zombieLimit)
	if fence {
		require.NotSame(t, s, next.runner.Session(), "a new session")
	}
}

// Without a write nothing shows that the stores of the followers hang: they
// answer heartbeats, and VerifyLeader is content.
func TestS20_OnlyAWriteShowsStalledFollowers(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		for _, other := range c.others(m) {
			c.Server(other.id).Logs().Hang()
		}
		m.write()
		time.Sleep(30 * time.Second)
		require.NoError(t, m.runner.Check(), "if this is found now without a WriteProbe, say so in its comment")
		require.NoError(t, m.runner.Session().Verify(c.ctx))
		require.Equal(t, leadership.Ready, m.runner.Status().Health())
		c.Heal()
	})
}

// A probe is a write, and whoever asks for one a minute gets one a minute.
func TestWriteProbeKeepsItsPace(t *testing.T) {
	for _, every := range []time.Duration{0, 100 * time.Millisecond, time.Minute} {
		conf := leadership.Config{Watchdog: leadership.Watchdog{WriteProbe: every}}
		withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
			t := c.t
			m := c.serving()
			before := m.raft.LastIndex()
			time.Sleep(10*time.Minute + 20*time.Second)
			want := uint64(0)
			if every > 0 { // not more often than it looks: half of the election timeout
				want = uint64(10*time.Minute+20*time.Second) / uint64(max(every, 500*time.Millisecond))
			}
			require.InDelta(t, want, m.raft.LastIndex()-before, 2)
		})
	}
}

// A state machine that catches up slowly is not wedged, and a liveness probe must
// not kill the server for it: it would never catch up.
func TestS31_WatchdogLetsACatchUpBeSlow(t *testing.T) {
	conf := leadership.Config{Watchdog: leadership.Watchdog{Fence: true, WriteProbe: time.Second}}
	withCrew(t, conf, testcluster.Config{Configure: quiet}, func(c *crew) {
		t := c.t
		m := c.serving()
		behind := c.others(m)[0]
		c.Server(behind.id).FSM().Slow(5 * time.Second)
		for range 20 {
			_, err := c.Apply(c.ctx, []byte("x"))
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond)
		}
		require.NoError(t, c.Server(behind.id).Kick())
		c.until("it catches up", behind.in(leadership.CatchingUp))
		start := time.Now()
		for behind.runner.Session() == nil {
			require.NoError(t, behind.runner.Check())
			require.NotEqual(t, leadership.Stuck, behind.runner.Status().Health())
			time.Sleep(100 * time.Millisecond)
		}
		require.Greater(t, time.Since(start), 80*time.Second)
		require.Equal(t, 1, behind.runner.Session().Attempt())
		c.Heal()
	})
}

// S19, raft#696: a transfer into a black hole. raft gives up after an election
// timeout, and its flag goes on refusing every write until the transport does.
func TestS19_TransferFlagStaysSet(t *testing.T) {
	var mu sync.Mutex
	var told []error
	conf := leadership.Config{Events: leadership.Events{Finding: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	}}}
	withCrew(t, conf, testcluster.Config{RPCTimeout: 10 * time.Second}, func(c *crew) {
		t := c.t
		m := c.serving()
		time.Sleep(time.Second) // the target has all there is, so that TimeoutNow is what gets lost
		to := c.others(m)[0].id
		require.NoError(t, c.Network().Set(m.id, to, testcluster.Link{BlackHole: true}))
		start := time.Now()
		err := m.runner.Transfer(c.ctx, to)
		require.ErrorContains(t, err, "leadership transfer timeout")
		within(t, "transfer to its failure", start, time.Second)
		failed := time.Now()
		c.until("it is found", func() bool { return m.runner.Check() != nil })
		within(t, "failure of the transfer to found", failed, zombieLimit)
		require.ErrorIs(t, m.runner.Check(), leadership.ErrTransferWedged)
		require.Equal(t, leadership.Stuck, m.runner.Status().Health())
		require.NoError(t, m.raft.VerifyLeader().Error(), "raft itself says all is well")
		require.Equal(t, leadership.CatchingUp, m.phase())
		require.Nil(t, m.runner.Session())

		// The same target is not tried again in this leadership, and asking for
		// another while the flag stands is refused by raft.
		require.ErrorIs(t, m.runner.Transfer(c.ctx, to), leadership.ErrSilentTarget)

		c.until("the transport has given up, and it serves", func() bool { return m.runner.Session() != nil })
		within(t, "transfer to serving again", start, 11*time.Second)
		require.NoError(t, m.runner.Check())
		c.Heal()
		time.Sleep(2 * time.Second)
		require.ErrorIs(t, m.runner.Transfer(c.ctx, to), leadership.ErrSilentTarget, "also when it answers again")
		_, err = m.runner.Ready(c.ctx)
		require.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, told, 2, "%v", told)
		require.ErrorIs(t, told[0], leadership.ErrTransferWedged)
		require.NoError(t, told[1])
	})
}

// S19, with a transfer that the program asked raft for itself: one refused write is
// enough to find the flag, and none is needed to see that it is gone.
func TestS19_OneRefusedWriteIsFollowedUp(t *testing.T) {
	withCrew(t, leadership.Config{}, testcluster.Config{RPCTimeout: 10 * time.Second}, func(c *crew) {
		t := c.t
		m := c.serving()
		time.Sleep(1234 * time.Millisecond)
		to := c.others(m)[0].id
		require.NoError(t, c.Network().Set(m.id, to, testcluster.Link{BlackHole: true}))
		transferred := time.Now()
		transfer := m.raft.LeadershipTransferToServer(to, c.Server(to).Address())
		time.Sleep(time.Millisecond)
		s := m.runner.Session()
		_, _, err := s.Apply(c.ctx, []byte("x"))
		start := time.Now()
		require.ErrorIs(t, err, raft.ErrLeadershipTransferInProgress)
		require.NotErrorIs(t, err, leadership.ErrOutcomeUnknown)
		require.NoError(t, m.runner.Check(), "a transfer may take an election timeout")
		c.until("it is found", func() bool { return m.runner.Check() != nil })
		within(t, "first refused write to found", start, zombieLimit)
		require.ErrorIs(t, m.runner.Check(), leadership.ErrTransferWedged)
		require.Error(t, transfer.Error())

		time.Sleep(time.Until(transferred.Add(10 * time.Second)))
		start = time.Now()
		c.until("it is no longer found", func() bool { return m.runner.Check() == nil })
		within(t, "end of the flag to no longer found", start, time.Second)
		require.Same(t, s, m.runner.Session())

		before := m.raft.LastIndex()
		time.Sleep(time.Minute)
		require.Equal(t, before, m.raft.LastIndex(), "nothing is written while nothing is wrong")
		c.Heal()
	})
}

// S19: what is known of a leadership is of no interest after it.
func TestS19_FindingsEndWithTheLeadership(t *testing.T) {
	for _, off := range []bool{false, true} {
		conf := leadership.Config{Watchdog: leadership.Watchdog{Off: off}}
		withCrew(t, conf, testcluster.Config{RPCTimeout: 10 * time.Second}, func(c *crew) {
			t := c.t
			m := c.serving()
			time.Sleep(time.Second) // the target has all there is, so that TimeoutNow is what gets lost
			to, other := c.others(m)[0].id, c.others(m)[1].id
			require.NoError(t, c.Network().Set(m.id, to, testcluster.Link{BlackHole: true}))
			require.Error(t, m.runner.Transfer(c.ctx, to))
			if off {
				time.Sleep(5 * time.Second)
				require.NoError(t, m.runner.Check(), "off is off")
			} else {
				c.until("it is found", func() bool { return m.runner.Check() != nil })
			}
			require.NoError(t, c.Server(other).Kick())
			c.until("it no longer leads", func() bool { return !m.runner.Status().Leader })
			require.NoError(t, m.runner.Check(), "it does not lead; off: %v", off)
			require.Equal(t, leadership.Follower, m.runner.Status().Health())
			c.Heal()
			time.Sleep(12 * time.Second)
		})
	}
}
