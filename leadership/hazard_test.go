// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// What a program that does not read raft's NotifyCh does to the other servers,
// and that it does not with a Notifier. Each scene is played twice: with the
// channel alone, where the harm must show (the control: else the scene proves
// nothing), and with the Notifier.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

const (
	notifier   = -1 // the NotifyCh of the busy server: a Notifier's
	unbuffered = 0  // a channel with so many slots
	oneSlot    = 1
)

// scene is a cluster of n1, n2 and n3. The program on n3 is busy and reads
// nothing until release. n3 stands for election only when it is kicked.
type scene struct {
	*testcluster.Cluster
	t       *testing.T
	ctx     context.Context
	busy    *testcluster.Server // n3
	release func()
}

// play runs a scene in a bubble and returns whether it did harm.
func play(t *testing.T, seed uint64, slots int, script func(s *scene) bool) (harm bool) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		w := newWiring(t, slots)
		c, err := testcluster.New(testcluster.Config{Seed: seed, Configure: w.configure, Started: w.started})
		require.NoError(t, err)
		t.Cleanup(func() {
			cancel()
			w.release()
			_ = c.Close() // whether it did harm is the scene's to say
			w.end()
		})
		harm = script(&scene{Cluster: c, t: t, ctx: ctx, busy: c.Server("n3"), release: w.release})
	})
	return harm
}

// harmful counts the runs in which a scene does harm.
func harmful(t *testing.T, runs uint64, slots int, script func(s *scene) bool) (count int) {
	for seed := range runs {
		if play(t, seed, slots, script) {
			count++
		}
	}
	return count
}

// harmsOnlyWhenStalled plays a scene with the stalled channel, the control, and
// with the Notifier.
func harmsOnlyWhenStalled(t *testing.T, runs uint64, harm string, script func(s *scene) bool) {
	control, kept := harmful(t, runs, unbuffered, script), harmful(t, runs, notifier, script)
	t.Logf("%s: %d of %d with a stalled channel, %d with the Notifier", harm, control, runs, kept)
	require.GreaterOrEqual(t, control, int(runs/2), "the control shows too little")
	require.Zero(t, kept)
}

// wiring gives n1 and n2 a Notifier, and n3 what the scene asks for.
type wiring struct {
	t         *testing.T
	stalled   chan bool // nil: n3 has a Notifier too
	release   func()
	ended     chan struct{}
	notifiers map[raft.ServerID]*leadership.Notifier
}

func newWiring(t *testing.T, slots int) *wiring {
	busy := make(chan struct{})
	w := &wiring{
		t: t, ended: make(chan struct{}), notifiers: map[raft.ServerID]*leadership.Notifier{},
		release: sync.OnceFunc(func() { close(busy) }),
	}
	if slots == notifier {
		close(w.ended)
		return w
	}
	w.stalled = make(chan bool, slots)
	go func() {
		defer close(w.ended)
		<-busy
		for range w.stalled { //nolint:revive // the program is back, and reads
		}
	}()
	return w
}

func (w *wiring) configure(id raft.ServerID, conf *raft.Config) {
	if id == "n3" {
		conf.HeartbeatTimeout, conf.ElectionTimeout = time.Minute, time.Minute
		if w.stalled != nil {
			conf.NotifyCh = w.stalled
			return
		}
	}
	w.notifiers[id] = leadership.NewNotifier()
	conf.NotifyCh = w.notifiers[id].NotifyCh()
}

func (w *wiring) started(s *testcluster.Server) {
	if n := w.notifiers[s.ID()]; n != nil {
		if err := n.Attach(s.Raft()); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *wiring) end() {
	if w.stalled != nil {
		close(w.stalled)
	}
	<-w.ended
}

// until waits for a condition, in virtual time.
func (s *scene) until(what string, cond func() bool) {
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		require.Less(s.t, time.Since(start), time.Minute, "waiting until %s\n%s", what, s.Timeline())
	}
}

func (s *scene) leads(id raft.ServerID) func() bool {
	return func() bool { return s.Server(id).Raft().State() == raft.Leader }
}

// elect makes a server win an election.
func (s *scene) elect(id raft.ServerID) {
	s.until("somebody leads", func() bool { return s.leads("n1")() || s.leads("n2")() })
	time.Sleep(20 * time.Millisecond)
	if !s.leads(id)() {
		require.NoError(s.t, s.Server(id).Kick())
		s.until(string(id)+" leads", s.leads(id))
	}
}

// S21, the ghost leader: n3 wins and its notification hangs; another server is
// elected; when the channel is read at last, n3 goes on as leader of the other
// server's term (raft.go, startStopReplication reads the current term) and
// deposes it.
func ghost(s *scene) (deposed bool) {
	s.elect("n1")
	s.elect("n3")
	s.until("n1 or n2 leads, or n3 leads well", func() bool {
		return s.leads("n1")() || s.leads("n2")() || s.busy.Raft().CommitIndex() == s.busy.Raft().LastIndex()
	})
	time.Sleep(100 * time.Millisecond)
	healthy, err := s.Leader(s.ctx)
	require.NoError(s.t, err)
	s.busy.Logs().Slow(time.Millisecond) // a disk
	time.Sleep(time.Second)              // the healthy leader's heartbeats take the fast path past n3's main loop
	s.release()
	time.Sleep(100 * time.Millisecond)
	return healthy.Raft().State() != raft.Leader
}

func TestS21_GhostLeader(t *testing.T) {
	harmsOnlyWhenStalled(t, 40, "healthy leader deposed", ghost)
}

// S1, the wedge: n3 steps down and its notification hangs: it acknowledges
// heartbeats and stores nothing. With one more server dead the leader leads,
// verifies, and commits nothing, for ever.
func wedge(s *scene) (wedged bool) {
	s.elect("n1")
	s.elect("n3")
	time.Sleep(100 * time.Millisecond)
	require.NoError(s.t, s.Server("n1").Kick())
	s.until("n1 leads", s.leads("n1"))
	time.Sleep(100 * time.Millisecond)
	require.NoError(s.t, s.Server("n2").Crash(s.ctx))
	time.Sleep(10 * time.Second)
	leader := s.Server("n1")
	require.Equal(s.t, raft.Leader, leader.Raft().State(), "it leads, as far as anyone can see")
	require.NoError(s.t, leader.Raft().VerifyLeader().Error(), "and a quorum says so")
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	_, err := s.Apply(ctx, []byte("x"))
	wedged = errors.Is(err, context.DeadlineExceeded)

	s.release() // one read of the channel heals it
	_, err = s.Apply(s.ctx, []byte("y"))
	require.NoError(s.t, err)
	return wedged
}

func TestS1_WedgedWrites(t *testing.T) {
	require.True(t, play(t, 1, oneSlot, wedge), "the control shows nothing")
	require.False(t, play(t, 1, notifier, wedge), "a write hung with the Notifier")
}

// The lost writes (hashicorp/raft#695 held open): n1 stores an entry that it
// does not get to send. n3 wins the next term and its notification hangs. n1
// wins the term after, and commits and acknowledges writes behind that entry.
// The channel is read, and n3 goes on: as leader of n1's term, with an entry
// of its own at the place of n1's first. The others delete what follows.
func lostWrites(s *scene) (lost bool) {
	s.elect("n2")
	_, err := s.Apply(s.ctx, []byte("base"))
	require.NoError(s.t, err)
	time.Sleep(time.Second)

	n1 := s.Server("n1")
	s.muteAtElection(n1)
	// n1 wins by n3's vote, so that n3 is in n1's term and can go beyond it.
	late := testcluster.Link{MinDelay: 10 * time.Millisecond, MaxDelay: 10 * time.Millisecond}
	require.NoError(s.t, s.Network().Set("n2", "n1", late))
	before := n1.Raft().LastIndex()
	require.NoError(s.t, n1.Kick())
	s.until("n1 has stored its no-op", func() bool { return n1.Raft().LastIndex() > before })
	time.Sleep(20 * time.Millisecond)
	require.NoError(s.t, s.busy.Kick())
	s.until("n3 leads", s.leads("n3"))
	s.Network().Heal()

	_, err = s.Leader(s.ctx)
	require.NoError(s.t, err)
	_, err = s.Apply(s.ctx, []byte("A"))
	require.NoError(s.t, err)
	acknowledged, err := s.Apply(s.ctx, []byte("B"))
	require.NoError(s.t, err)
	time.Sleep(time.Second)

	s.busy.Logs().Slow(time.Millisecond) // a disk
	s.release()
	time.Sleep(5 * time.Second)
	for _, server := range s.Servers() {
		if server.Raft().LastIndex() >= acknowledged {
			err := s.Converged(s.ctx)
			if !errors.Is(err, testcluster.ErrViolated) {
				require.NoError(s.t, err)
			}
			return err != nil
		}
	}
	return true // no log reaches that far
}

// muteAtElection cuts a server's outgoing links in the instant it wins.
func (s *scene) muteAtElection(server *testcluster.Server) {
	mute := sync.OnceFunc(func() {
		for _, other := range s.Servers() {
			if other.ID() != server.ID() {
				_ = s.Network().Set(server.ID(), other.ID(), testcluster.Link{Cut: true})
			}
		}
	})
	server.Raft().RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		if o.Data == raft.Leader {
			mute()
		}
		return false
	}))
}

func TestGuarantee1_AcknowledgedWritesStay(t *testing.T) {
	harmsOnlyWhenStalled(t, 60, "acknowledged writes lost", lostWrites)
}
