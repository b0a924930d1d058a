// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// follow reads updates until the end, with random pauses, and returns what it
// saw of the rules of an update stream. It must agree with what raft did.
func follow(ctx context.Context, w *Watcher, pause func() time.Duration) (last Update, gains, losses uint64, err error) {
	prev, err := w.Next(ctx)
	if err != nil {
		return prev, 0, 0, err
	}
	for {
		time.Sleep(pause())
		u, err := w.Next(ctx)
		if errors.Is(err, ErrClosed) {
			return prev, gains, losses, nil
		}
		if err != nil {
			return prev, gains, losses, err
		}
		gains, losses = gains+u.Gains, losses+u.Losses
		switch {
		case u.Epoch < prev.Epoch:
			err = fmt.Errorf("epoch went back from %d to %d", prev.Epoch, u.Epoch)
		case u.Gains+u.Losses == 0 && !u.Closed:
			err = fmt.Errorf("an update that changes nothing: %+v", u)
		case u.Leader && prev.Leader && u.Epoch == prev.Epoch:
			err = fmt.Errorf("the same leadership twice: %+v", u)
		}
		if err != nil {
			return u, gains, losses, err
		}
		prev = u
	}
}

// flapBubble drives one notifier with random pauses on both sides, in virtual
// time, and returns the leaderships driven.
func flapBubble(t *testing.T, seed uint64, flaps int) (driven uint64) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		n := NewNotifier()
		f := newFakeRaft(n)
		var wg sync.WaitGroup
		for reader := range rnd.IntN(4) {
			pauses := rand.New(rand.NewPCG(seed, 2+uint64(reader)))
			slow := time.Duration(1+pauses.IntN(20)) * time.Millisecond
			w := n.Watch()
			wg.Go(func() {
				last, gains, losses, err := follow(t.Context(), w, func() time.Duration { return time.Duration(pauses.Int64N(int64(slow))) })
				if err != nil || !last.Closed || last.Epoch != f.term.Load() || gains != last.Epoch || losses != gains {
					t.Errorf("seed %d reader %d: last %+v, %d gains and %d losses of %d: %v", seed, reader, last, gains, losses, f.term.Load(), err)
				}
			})
		}
		synctest.Wait() // every reader has its first update
		for driven < uint64(flaps) {
			burst := min(1+rnd.IntN(200), flaps-int(driven))
			f.flap(burst)
			driven += uint64(burst)
			time.Sleep(time.Duration(rnd.Int64N(int64(10 * time.Millisecond))))
		}
		f.set(raft.Shutdown)
		wg.Wait()
		if f.waited != 0 {
			t.Errorf("seed %d: %d sends of raft would have waited", seed, f.waited)
		}
	})
	return driven
}

func TestGuarantee2_FlapsWithRandomPauses(t *testing.T) {
	for seed := range uint64(100) {
		flapBubble(t, seed, 500)
	}
}

// raft's own goroutines race: the main loop wins, the fast path deposes, and
// their observations come in any order. After quiet the state is raft's.
func TestGuarantee2_RacingObservations(t *testing.T) {
	for range 2000 {
		n := NewNotifier()
		f := newFakeRaft(n)
		var wg sync.WaitGroup
		wg.Go(func() {
			f.win()
			if f.State() == raft.Leader {
				f.set(raft.Follower)
			}
			f.send(false)
			f.win()
		})
		wg.Go(func() { f.set(raft.Follower) })
		wg.Wait()
		require.Equal(t, f.State() == raft.Leader, n.State().Leader)
		require.EqualValues(t, 2, n.State().Epoch)
		require.Zero(t, f.waited)
	}
}
