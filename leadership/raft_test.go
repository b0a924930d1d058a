// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// The notifier on real raft, in virtual time.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// stint is one start of one server: its notifier, what a slow reader saw of
// it, and what raft went through by a second observer's count.
type stint struct {
	id       raft.ServerID
	raft     *raft.Raft
	notifier *leadership.Notifier
	gains    atomic.Uint64 // by the second observer, until the shutdown
	late     atomic.Uint64 // and after it: raft's main loop may win while it runs down
	won      atomic.Int64  // when it won last, in virtual time
	down     atomic.Int64  // when it was shut down; 0: it runs

	last       leadership.Update
	sumGains   uint64
	sumLosses  uint64
	readerErr  error
	readerDone chan struct{}
}

// rig wires a notifier and a reader to every start of every server.
type rig struct {
	t       *testing.T
	mu      sync.Mutex
	starts  []*stint
	current map[raft.ServerID]*stint
	pause   func() time.Duration // of the readers
}

func newRig(t *testing.T, seed uint64) *rig {
	rnd := rand.New(rand.NewPCG(seed, 7))
	var mu sync.Mutex
	return &rig{t: t, current: map[raft.ServerID]*stint{}, pause: func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(rnd.Int64N(int64(3 * time.Second)))
	}}
}

func (r *rig) configure(id raft.ServerID, c *raft.Config) {
	s := &stint{id: id, notifier: leadership.NewNotifier(), readerDone: make(chan struct{})}
	c.NotifyCh = s.notifier.NotifyCh()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current[id] = s
	r.starts = append(r.starts, s)
}

func (r *rig) started(server *testcluster.Server) {
	s := r.at(server.ID())
	s.raft = server.Raft()
	s.raft.RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		switch {
		case o.Data == raft.Shutdown:
			s.down.Store(time.Now().UnixNano())
		case o.Data == raft.Leader && s.down.Load() != 0:
			s.late.Add(1)
		case o.Data == raft.Leader:
			s.won.Store(time.Now().UnixNano())
			s.gains.Add(1)
		}
		return false
	}))
	if err := s.notifier.Attach(s.raft); err != nil {
		r.t.Error(err)
	}
	go r.read(s, s.notifier.Watch())
}

func (r *rig) at(id raft.ServerID) *stint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current[id]
}

// read follows a notifier to its end, slowly.
func (r *rig) read(s *stint, w *leadership.Watcher) {
	defer close(s.readerDone)
	for {
		u, err := w.Next(context.Background())
		if errors.Is(err, leadership.ErrClosed) {
			return
		}
		if err != nil || u.Epoch < s.last.Epoch {
			s.readerErr = fmt.Errorf("after %+v: %+v, %w", s.last, u, err)
			return
		}
		s.sumGains, s.sumLosses, s.last = s.sumGains+u.Gains, s.sumLosses+u.Losses, u
		time.Sleep(r.pause())
	}
}

// quiet checks that every notifier says what its raft says.
func (r *rig) quiet(c *testcluster.Cluster) error {
	synctest.Wait()
	for _, server := range c.Servers() {
		s, up := r.at(server.ID()), server.Raft() != nil
		if state := s.notifier.State(); up && state.Leader != (s.raft.State() == raft.Leader) {
			return fmt.Errorf("%s: notifier says %+v, raft %v", s.id, state, s.raft.State())
		}
	}
	return nil
}

// ended checks, after the shutdown of every raft, what each start adds up to,
// and returns how often leadership was gained.
func (r *rig) ended() (gains uint64, err error) {
	for _, s := range r.starts {
		<-s.readerDone
		state, want := s.notifier.State(), s.gains.Load()
		// A win and the shutdown in one instant: raft calls its observers in any
		// order, so that the two may differ in which came first.
		switch {
		case s.late.Load() > 0 && state.Epoch == want+1:
			want++
		case s.won.Load() == s.down.Load() && state.Epoch == want-1:
			want--
		}
		gains += want
		switch {
		case s.readerErr != nil:
			return 0, fmt.Errorf("%s: %w", s.id, s.readerErr)
		case !state.Closed || state.Leader || state != s.last.State:
			return 0, fmt.Errorf("%s: the end is %+v, and a slow reader saw %+v", s.id, state, s.last)
		case state.Epoch != want || s.sumGains != want || s.sumLosses != want:
			return 0, fmt.Errorf("%s: raft gained %d times, state says %d, a slow reader counted %d gains and %d losses",
				s.id, want, state.Epoch, s.sumGains, s.sumLosses)
		}
	}
	return gains, nil
}

var flapKinds = []testcluster.Kind{
	testcluster.Isolate, testcluster.Partition, testcluster.Transfer,
	testcluster.Pause, testcluster.Crash, testcluster.Kick,
}

// flapRaft forces changes of leadership of every kind on a cluster of its own
// and checks every notifier. It returns how often leadership was gained.
func flapRaft(t *testing.T, seed uint64, servers, flaps int) (gains uint64) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, seed)
		c, err := testcluster.New(testcluster.Config{Servers: servers, Seed: seed, Configure: r.configure, Started: r.started})
		require.NoError(t, err)
		c.ReportTo(t)
		t.Cleanup(func() { // a bubble must not be left with goroutines, however it ends
			_ = c.Close()
			_, _ = r.ended()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		rnd := rand.New(rand.NewPCG(seed, 11))
		for i := range flaps {
			kind := flapKinds[rnd.IntN(len(flapKinds))]
			_, err := c.Flap(ctx, kind)
			require.NoError(t, err, "seed %d, flap %d, %v", seed, i, kind)
		}
		c.Heal()
		require.NoError(t, c.Converged(ctx), "seed %d", seed)
		require.NoError(t, r.quiet(c), "seed %d", seed)
		require.NoError(t, c.Close(), "seed %d", seed)
		gains, err = r.ended()
		require.NoError(t, err, "seed %d", seed)
		require.GreaterOrEqual(t, gains, uint64(flaps/2), "seed %d: hardly anything happened", seed)
	})
	return gains
}

func TestGuarantee3_OnRaft(t *testing.T) {
	for seed := range uint64(6) {
		flapRaft(t, seed, 3+2*int(seed%2), 40)
	}
}
