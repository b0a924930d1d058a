// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Runners whose callbacks do everything a callback can do wrong, on clusters that
// change their leader all the time.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// fate is what becomes of one call of a callback.
type fate int

const (
	swift fate = iota
	usual      // takes up to 4 s, 2 s on average
	long       // takes 30 s
	fails
	panics
	exits
	ignores // goes on after its context has ended, for up to 3 minutes
	hangs   // until then, and then is late with a success
	fates
)

// fortune draws fates, and counts them.
type fortune struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	drawn [fates]int
	store fencedStore
}

// fencedStore is storage that checks tokens, as storage should.
type fencedStore struct {
	newest   leadership.Token
	accepted []leadership.Token
	refused  int
}

func (f *fortune) write(token leadership.Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token.Compare(f.store.newest) < 0 {
		f.store.refused++
		return
	}
	f.store.newest = token
	if n := len(f.store.accepted); n == 0 || f.store.accepted[n-1] != token {
		f.store.accepted = append(f.store.accepted, token)
	}
}

func (f *fortune) draw(what string) (fate, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	drawn, wait := swift, time.Duration(0)
	switch n := f.rnd.IntN(1000); {
	case what != "establish" && n < 900:
	case n < 400:
	case n < 820:
		drawn, wait = usual, time.Duration(f.rnd.Int64N(int64(4*time.Second)))
	case n < 880:
		drawn, wait = long, 30*time.Second
	case n < 930:
		drawn = fails
	case n < 960:
		drawn = panics
	case n < 970:
		drawn = exits
	case n < 990:
		drawn, wait = ignores, time.Duration(f.rnd.Int64N(int64(3*time.Minute)))
	default:
		drawn, wait = hangs, time.Duration(f.rnd.Int64N(int64(3*time.Minute)))
	}
	f.drawn[drawn]++
	return drawn, wait
}

// act is what a callback does.
func (f *fortune) act(ctx context.Context, _ *member, what string, s *leadership.Session) error {
	if what == "establish" {
		f.work(s)
	}
	drawn, wait := f.draw(what)
	switch drawn {
	case usual, long:
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case fails:
		return errors.New("it does not work")
	case panics:
		panic("it works even less")
	case exits:
		runtime.Goexit()
	case ignores:
		time.Sleep(wait)
	case hangs:
		<-ctx.Done()
		time.Sleep(wait)
	}
	return nil
}

// work is what a session starts: a writer that stops with it, one that fails now
// and then, and one that the program has forgotten.
func (f *fortune) work(s *leadership.Session) {
	s.Go("writer", func(ctx context.Context) error {
		for ctx.Err() == nil {
			f.write(s.Token())
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
		return nil
	})
	f.mu.Lock()
	fail, forgotten := f.rnd.IntN(10) == 0, time.Duration(f.rnd.Int64N(int64(20*time.Second)))
	f.mu.Unlock()
	if fail {
		s.Go("failing", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(forgotten):
				return errors.New("broken")
			}
		})
	}
	time.AfterFunc(forgotten, func() { f.write(s.Token()) })
}

// disturb forces one change of leadership, by a fault, by a request, or by a request
// that cannot succeed.
func (c *crew) disturb(rnd *rand.Rand) error {
	switch n := rnd.IntN(12); n {
	case 0, 1:
		m := c.leader()
		if err := m.runner.Transfer(c.ctx, ""); errors.Is(err, raft.ErrRaftShutdown) {
			return err
		}
		return nil
	case 2:
		return c.transferIntoNothing(rnd)
	case 3:
		c.leader().runner.Reassert()
		return nil
	default:
		kinds := []testcluster.Kind{testcluster.Isolate, testcluster.Partition, testcluster.Pause, testcluster.Crash, testcluster.Kick}
		_, err := c.Flap(c.ctx, kinds[n%len(kinds)])
		return err
	}
}

func (c *crew) leader() *member {
	s, err := c.Leader(c.ctx)
	require.NoError(c.t, err)
	return c.of(s.ID())
}

// transferIntoNothing asks twice for a transfer to a server that has just become
// a black hole: hashicorp/raft#696 waits there.
func (c *crew) transferIntoNothing(rnd *rand.Rand) error {
	m := c.leader()
	servers := c.Servers()
	victim := servers[rnd.IntN(len(servers))].ID()
	if victim == m.id {
		return nil
	}
	dig := func(link testcluster.Link) {
		for _, s := range servers {
			if s.ID() != victim {
				require.NoError(c.t, c.Network().Set(s.ID(), victim, link))
			}
		}
	}
	dig(testcluster.Link{BlackHole: true})
	defer dig(testcluster.Link{})
	first := m.runner.Transfer(c.ctx, victim)
	second := m.runner.Transfer(c.ctx, victim)
	if first == nil && m.raft.State() == raft.Leader || second == nil && m.raft.State() == raft.Leader {
		return fmt.Errorf("%s handed over to %s, which hears nothing, and leads: %v, %v", m.id, victim, first, second)
	}
	for range 60 {
		if c.Faults()[testcluster.BlackHole].Fired > 0 {
			break
		}
		time.Sleep(time.Second)
	}
	return nil
}

// flapRunners disturbs a cluster of its own and returns how often leadership was
// gained, and by how many sessions.
func flapRunners(t *testing.T, seed uint64, servers, flaps int) (gains, sessions int, drawn [fates]int, refused int) {
	f := &fortune{rnd: rand.New(rand.NewPCG(seed, 17))}
	conf := leadership.Config{EstablishTimeout: time.Minute, RevokeTimeout: 10 * time.Second, ReconcileEvery: 5 * time.Second}
	conf.CancelByReflection = true // what a crash leaves unanswered would stay in the bubble
	conf.TransferOnClose = seed%3 == 0
	conf.Watchdog.Fence = seed%2 == 0
	if seed%5 == 0 {
		conf.Watchdog.WriteProbe = time.Second
	}
	withCrew(t, conf, testcluster.Config{Servers: servers, Seed: seed}, func(c *crew) {
		c.act = f.act
		rnd := rand.New(rand.NewPCG(seed, 19))
		for i := range flaps {
			require.NoError(t, c.disturb(rnd), "seed %d, flap %d", seed, i)
			if rnd.IntN(4) == 0 {
				time.Sleep(time.Duration(rnd.Int64N(int64(6 * time.Second))))
			}
		}
		c.Heal()
		require.NoError(t, c.Converged(c.ctx), "seed %d", seed)
		c.settle(seed)
		for _, m := range c.starts {
			gains += int(m.notifier.State().Epoch)
		}
	}, func(c *crew) {
		for _, m := range c.starts {
			sessions += len(m.sessions)
		}
		// Whose writes were accepted took turns as their entries in the log did:
		// a write of a session that another has replaced was not.
		for i, token := range f.store.accepted[1:] {
			before := f.store.accepted[i]
			require.True(t, before.Index < token.Index && before.Term <= token.Term, "seed %d: %v accepted after %v", seed, token, before)
		}
	})
	return gains, sessions, f.drawn, f.store.refused
}

// settle waits until a server serves, stops every Runner, and checks that Run
// returns in time, whatever still hangs.
func (c *crew) settle(seed uint64) {
	for {
		m := c.leader()
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Minute)
		_, err := m.runner.Ready(ctx)
		cancel()
		if err == nil {
			break
		}
		if c.ctx.Err() != nil || m.raft.State() == raft.Leader && m.runner.Status().Phase == leadership.Following {
			require.NoError(c.t, err, "seed %d: %s leads and does nothing: %+v\n%v", seed, m.id, m.runner.Status(), m.runner.Timeline())
		}
	}
	for _, m := range c.starts {
		m.stop()
	}
	began := time.Now()
	for _, m := range c.starts {
		<-m.done
		switch {
		case errors.Is(m.err, leadership.ErrStuck), errors.Is(m.err, leadership.ErrClosed), m.err == nil:
		default:
			require.NoError(c.t, m.err, "seed %d: %s", seed, m.id)
		}
	}
	require.LessOrEqual(c.t, time.Since(began), 15*time.Second, "seed %d: Run took too long to return", seed)
}

func TestGuarantee12_RunnersFlap(t *testing.T) {
	for seed := range uint64(20) {
		gains, sessions, _, _ := flapRunners(t, seed, 3+2*int(seed%2), 40)
		require.Positive(t, sessions)
		require.Greater(t, gains, 20)
	}
}
