// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Numbers of a healthy cluster, on the virtual clock, where they are exact.

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

// From the gain to Establish it takes one barrier and nothing else. raft answers a
// barrier after one round of its links, or after two if its no-op went out alone;
// what is not a whole number of rounds is the Runner's.
func TestGuarantee11_GainToEstablishIsOneBarrier(t *testing.T) {
	link := testcluster.Link{MinDelay: 3 * time.Millisecond, MaxDelay: 3 * time.Millisecond}
	const round = 6 * time.Millisecond
	withCrew(t, leadership.Config{}, testcluster.Config{Link: link}, func(c *crew) {
		t := c.t
		gains, began := make(chan time.Time, 100), make(chan time.Time, 100)
		for _, m := range c.starts {
			m.raft.RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
				if o.Data == raft.Leader {
					gains <- time.Now()
				}
				return false
			}))
		}
		c.on(func(_ context.Context, _ *member, what string, _ *leadership.Session) error {
			if what == "establish" {
				began <- time.Now()
			}
			return nil
		})
		var rounds, rest time.Duration
		for range 20 {
			c.serving()
			took := (<-began).Sub(<-gains)
			rounds, rest = max(rounds, took/round), max(rest, took%round)
			_, err := c.Flap(c.ctx, testcluster.Kick)
			require.NoError(t, err)
		}
		t.Logf("gain to Establish: %d rounds at most, and %v", rounds, rest)
		require.LessOrEqual(t, rounds, time.Duration(2))
		require.Less(t, rest, 100*time.Microsecond)
	})
}

// The session's context is done before raft's NotifyCh says false: here raft sends
// on a channel without room, so that what has been received has only just been sent.
func TestGuarantee13_LossCancelsBeforeNotifyCh(t *testing.T) {
	var mu sync.Mutex
	sessions := map[raft.ServerID]*leadership.Session{}
	losses, early := 0, 0
	notifiers := map[raft.ServerID]*leadership.Notifier{}
	notifierOf := func(id raft.ServerID) *leadership.Notifier {
		mu.Lock()
		defer mu.Unlock()
		return notifiers[id]
	}
	cluster := testcluster.Config{Configure: func(id raft.ServerID, conf *raft.Config) {
		quiet(id, conf)
		forward, notify := conf.NotifyCh, make(chan bool)
		conf.NotifyCh = notify
		ended := make(chan struct{})
		go func() { // ends with raft
			defer close(ended)
			for notifierOf(id) == nil {
				time.Sleep(time.Millisecond)
			}
			for w := notifierOf(id).Watch(); ; {
				if _, err := w.Next(context.Background()); err != nil {
					return
				}
			}
		}()
		go func() {
			for {
				select {
				case v := <-notify:
					mu.Lock()
					if s := sessions[id]; !v && s != nil {
						losses++
						if s.Context().Err() != nil {
							early++
						}
					}
					mu.Unlock()
					forward <- v
				case <-ended:
					return
				}
			}
		}()
	}}
	withCrew(t, leadership.Config{}, cluster, func(c *crew) {
		t := c.t
		mu.Lock()
		for _, m := range c.starts {
			notifiers[m.id] = m.notifier
		}
		mu.Unlock()
		c.on(func(_ context.Context, m *member, what string, s *leadership.Session) error {
			mu.Lock()
			defer mu.Unlock()
			if what == "establish" {
				sessions[m.id] = s
			}
			return nil
		})
		for i := range 100 {
			c.serving()
			_, err := c.Flap(c.ctx, []testcluster.Kind{testcluster.Kick, testcluster.Isolate}[i%2])
			require.NoError(t, err)
		}
		mu.Lock()
		defer mu.Unlock()
		require.GreaterOrEqual(t, losses, 100)
		require.Equal(t, losses, early, "of so many losses, the context was done first")
	})
}
