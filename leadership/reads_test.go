// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

// Is a local read after Session.ReadBarrier linearizable? And one after
// VerifyLeader alone?

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// registers is a state machine of keys and values: "k=v" sets one.
type registers struct {
	mu sync.Mutex
	of map[string]string
}

func (r *registers) Apply(l *raft.Log) any {
	key, value, _ := strings.Cut(string(l.Data), "=")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[key] = value
	return nil
}

func (r *registers) read(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[key]
}

func (r *registers) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.New("not here") }
func (r *registers) Restore(io.ReadCloser) error         { return errors.New("not here") }

// operation is one call of a client: a write if value is set, or a read.
type operation struct{ key, value string }

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[string][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(operation).key
			by[key] = append(by[key], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if value := input.(operation).value; value != "" {
			return true, value
		}
		return output == state, state
	},
}

// history is what clients did and saw. Its clock is a counter, since instants of
// virtual time tie.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// do records one call. A write whose outcome is not known may take effect at any
// later time; what was refused for good had none.
func (h *history) do(client int, input operation, call func() (string, error)) {
	op := porcupine.Operation{ClientId: client, Input: input, Call: h.clock.Add(1)}
	output, err := call()
	op.Output, op.Return = output, h.clock.Add(1)
	switch {
	case err == nil:
	case input.value != "" && errors.Is(err, leadership.ErrOutcomeUnknown):
		op.Return = 1 << 40
	default:
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// readers runs clients on a cluster that flaps, and reports whether what they saw
// is linearizable, and how much that was.
func readers(t *testing.T, seed uint64, read func(ctx context.Context, m *member) error) (linearizable bool, seen int) {
	var h history
	machines := map[raft.ServerID]*registers{}
	var mu sync.Mutex
	machine := func(id raft.ServerID) *registers {
		mu.Lock()
		defer mu.Unlock()
		return machines[id]
	}
	link := testcluster.Link{MinDelay: 100 * time.Microsecond, MaxDelay: 3 * time.Millisecond}
	withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Seed: seed, Link: link, FSM: func(id raft.ServerID) raft.FSM {
		mu.Lock()
		defer mu.Unlock()
		machines[id] = &registers{of: map[string]string{}}
		return machines[id]
	}}, func(c *crew) {
		ctx, stop := context.WithTimeout(c.ctx, 20*time.Second)
		defer stop()
		var clients sync.WaitGroup
		for client := range 4 {
			rnd := rand.New(rand.NewPCG(seed, uint64(client)))
			clients.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					c.mu.Lock()
					m := c.current[raft.ServerID(fmt.Sprintf("n%d", 1+rnd.IntN(3)))]
					c.mu.Unlock()
					op := operation{key: string(rune('a' + rnd.IntN(3)))}
					if rnd.IntN(2) == 0 {
						op.value = fmt.Sprintf("%d.%d", client, i)
					}
					within, cancel := context.WithTimeout(ctx, time.Second)
					h.do(client, op, func() (string, error) {
						if op.value == "" {
							if err := read(within, m); err != nil {
								return "", err
							}
							return machine(m.id).read(op.key), nil
						}
						s := m.runner.Session()
						if s == nil {
							return "", raft.ErrNotLeader
						}
						_, _, err := s.Apply(within, []byte(op.key+"="+op.value))
						return "", err
					})
					cancel()
					_ = sleep(ctx, time.Duration(rnd.Int64N(int64(4*time.Millisecond))))
				}
			})
		}
		kinds := []testcluster.Kind{testcluster.Kick, testcluster.Isolate, testcluster.Transfer, testcluster.Pause, testcluster.Kick}
		for i := 0; ctx.Err() == nil && i < 25; i++ {
			_, _ = c.Flap(ctx, kinds[i%len(kinds)])
			_ = sleep(ctx, 100*time.Millisecond)
		}
		stop()
		clients.Wait()
		c.Heal()
	})
	return porcupine.CheckOperations(model, h.ops), len(h.ops)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func afterReadBarrier(ctx context.Context, m *member) error {
	s := m.runner.Session()
	if s == nil {
		return raft.ErrNotLeader
	}
	return s.ReadBarrier(ctx)
}

// afterVerify is what many programs do.
func afterVerify(ctx context.Context, m *member) error {
	calls := leadership.Calls{Raft: m.raft, CancelByReflection: true}
	return calls.Verify(ctx)
}

func TestGuarantee16_ReadBarrierIsLinearizable(t *testing.T) {
	var seen int
	for seed := range uint64(10) {
		ok, n := readers(t, seed, afterReadBarrier)
		require.True(t, ok, "seed %d", seed)
		seen += n
	}
	require.Greater(t, seen, 5000, "the histories are too short to prove anything")
}

func TestControlVerifyAloneIsNotLinearizable(t *testing.T) {
	for seed := range uint64(100) {
		if ok, _ := readers(t, seed, afterVerify); !ok {
			t.Logf("seed %d shows it", seed)
			return
		}
	}
	t.Fatal("a read after VerifyLeader alone was linearizable in every run, so the check proves nothing")
}
