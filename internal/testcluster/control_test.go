// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// TestControlNaiveConsumerGetsStuck is the negative control of everything that
// is tested on this cluster: the consumer that people write first, an unbuffered
// NotifyCh and raft calls without a timeout in the establish step, must deadlock
// with raft when leadership flaps (hashicorp/nomad#6977). If it survives, the flaps
// of this package are too kind to prove anything about a better consumer.
func TestControlNaiveConsumerGetsStuck(t *testing.T) {
	const runs, floor = 100, 50
	stuck := stuckRuns(t, runs, 0)
	t.Logf("naive consumer: %d of %d runs stuck", stuck, runs)
	require.GreaterOrEqual(t, stuck, floor)
}

// The same consumer on a channel that never fills survives the same flaps: what
// is stuck above is the consumer, not the cluster.
func TestControlBufferedConsumerDoesNotGetStuck(t *testing.T) {
	require.Zero(t, stuckRuns(t, 20, 1024))
}

func stuckRuns(t *testing.T, runs uint64, buffer int) (stuck int) {
	for seed := range runs {
		synctest.Test(t, func(t *testing.T) {
			if naiveRunGetsStuck(t, seed, buffer) {
				stuck++
			}
		})
	}
	return stuck
}

func naiveRunGetsStuck(t *testing.T, seed uint64, buffer int) bool {
	notify := make(map[raft.ServerID]chan bool)
	quit := make(chan struct{})
	var consumers sync.WaitGroup
	c, err := New(Config{
		Seed: seed,
		Link: Link{MinDelay: 200 * time.Microsecond, MaxDelay: 2 * time.Millisecond},
		Configure: func(id raft.ServerID, conf *raft.Config) {
			notify[id] = make(chan bool, buffer)
			conf.NotifyCh = notify[id]
		},
		Started: func(s *Server) {
			r, ch := s.Raft(), notify[s.ID()]
			consumers.Go(func() { naiveConsumer(r, ch, quit) })
		},
	})
	require.NoError(t, err)
	defer func() {
		close(quit) // frees the futures that raft never resolves, after the verdict
		if err := c.Close(); err != nil {
			require.ErrorIs(t, err, ErrNeverFired, "stuck before its first transfer, and nothing else")
		}
		consumers.Wait()
	}()

	for i := range uint64(10) {
		kind := []Kind{Kick, Transfer}[mix(seed^i)%2]
		if _, err := c.Flap(within(t, 20*time.Second), kind); err != nil {
			break
		}
		time.Sleep(time.Duration(draws(mix(seed+i)).unit(0) * 50 * float64(time.Millisecond)))
	}
	for _, s := range c.Servers() {
		if s.Probe(within(t, 30*time.Second)) != nil {
			return true
		}
	}
	return false
}

// naiveConsumer establishes on true and revokes on false, in place.
func naiveConsumer(r *raft.Raft, notify <-chan bool, quit chan struct{}) {
	for {
		select {
		case leads := <-notify:
			for range 5 {
				if !leads {
					break
				}
				var f raft.Future
				if f = r.Barrier(0); f != nil {
					abandonAt(f, quit)
				}
				_ = f.Error()                     // an error does not end the establish step: the next call hangs
				time.Sleep(10 * time.Millisecond) // work of its own
			}
		case <-quit:
			return
		}
	}
}
