// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// future is what raft's main loop would have to answer. Like raft's own it has
// the field that ends the wait.
type future struct {
	answer     chan error
	ShutdownCh chan struct{}
	response   any
}

func (f *future) Error() error {
	select {
	case err := <-f.answer:
		return err
	case <-f.ShutdownCh:
		return raft.ErrRaftShutdown
	}
}
func (f *future) Index() uint64 { return 7 }
func (f *future) Response() any { return f.response }

// refusal is raft's errorFuture: a value.
type refusal struct{ err error }

func (r refusal) Error() error  { return r.err }
func (r refusal) Index() uint64 { return 0 }
func (r refusal) Response() any { return nil }

// plain has nothing that ends the wait, and odd has it, but for another use.
type (
	plain struct{ answer chan error }
	odd   struct {
		plain
		ShutdownCh chan error
	}
)

func (p *plain) Error() error { return <-p.answer }

// script is a raft that hands out the futures it is told to.
type script struct {
	term  uint64
	calls int
	next  func(call int) raft.ApplyFuture
}

// hand is raft's side of a hand-over: it blocks for the timeout before it says
// that there was no room (api.go, ApplyLog).
func (s *script) hand(timeout time.Duration) raft.ApplyFuture {
	s.calls++
	f := s.next(s.calls)
	if f == (refusal{raft.ErrEnqueueTimeout}) {
		time.Sleep(timeout)
	}
	return f
}

func (s *script) Apply(_ []byte, d time.Duration) raft.ApplyFuture { return s.hand(d) }
func (s *script) Barrier(d time.Duration) raft.Future              { return s.hand(d) }
func (s *script) VerifyLeader() raft.Future                        { return s.hand(0) }
func (s *script) CurrentTerm() uint64                              { return s.term }

// answered is a future that raft's main loop has answered.
func answered(err error) *future {
	f := &future{answer: make(chan error, 1)}
	f.answer <- err
	return f
}

// hanging is a future that raft's main loop has taken.
func hanging() *future { return &future{answer: make(chan error)} }

func always(f raft.ApplyFuture) *script {
	return &script{term: 3, next: func(int) raft.ApplyFuture { return f }}
}

// bothWays runs a test in a bubble, with goroutines and with reflection.
func bothWays(t *testing.T, test func(t *testing.T, c *Calls)) {
	for _, reflection := range []bool{false, true} {
		t.Run(fmt.Sprintf("reflection=%v", reflection), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, &Calls{CancelByReflection: reflection}) })
		})
	}
}

func TestCallsAnswer(t *testing.T) {
	bothWays(t, func(t *testing.T, c *Calls) {
		for _, ctx := range []context.Context{t.Context(), context.Background()} { //nolint:usetesting // one cannot end
			f := answered(nil)
			f.response = errors.New("the state machine's own")
			c.Raft = always(f)
			resp, index, err := c.Apply(ctx, nil)
			require.NoError(t, err)
			require.Equal(t, f.response, resp, "what the state machine answers is no error of Apply")
			require.EqualValues(t, 7, index)

			c.Raft = always(answered(nil))
			token, err := c.Barrier(ctx)
			require.NoError(t, err)
			require.Equal(t, Token{3, 7}, token)

			c.Raft = always(answered(raft.ErrNotLeader))
			require.Equal(t, raft.ErrNotLeader, c.Verify(ctx))
			require.Equal(t, raft.ErrNotLeader, c.Await(ctx, answered(raft.ErrNotLeader)))
			require.Equal(t, raft.ErrRaftShutdown, c.Await(ctx, answered(raft.ErrRaftShutdown)), "raft's own end, and not the context's")
		}
		require.Zero(t, c.Outstanding())
	})
}

// What raft answers, and whether the command may be applied after it.
func TestApplyOutcome(t *testing.T) {
	disk := errors.New("disk full")
	for _, tc := range []struct {
		name    string
		future  raft.ApplyFuture
		err     error
		unknown bool
	}{
		{"not the leader", answered(raft.ErrNotLeader), raft.ErrNotLeader, false},
		{"in a transfer", answered(raft.ErrLeadershipTransferInProgress), raft.ErrLeadershipTransferInProgress, false},
		{"shut down before", refusal{raft.ErrRaftShutdown}, raft.ErrRaftShutdown, false},
		{"shut down after", answered(raft.ErrRaftShutdown), raft.ErrRaftShutdown, true},
		{"leadership lost", answered(raft.ErrLeadershipLost), raft.ErrLeadershipLost, true},
		{"restored", answered(raft.ErrAbortedByRestore), raft.ErrAbortedByRestore, true},
		{"log store", answered(disk), disk, true},
	} {
		for _, reflection := range []bool{false, true} {
			c := &Calls{Raft: always(tc.future), CancelByReflection: reflection}
			_, _, err := c.Apply(t.Context(), nil)
			require.ErrorIs(t, err, tc.err, tc.name)
			require.Equal(t, tc.unknown, errors.Is(err, ErrOutcomeUnknown), tc.name)
			if f, ok := tc.future.(*future); ok {
				f.answer <- tc.err
				f.ShutdownCh = nil
			}
		}
	}
}

// The bracket: a barrier that passed proves nothing about a term that moved.
func TestBarrierTermMoved(t *testing.T) {
	bothWays(t, func(t *testing.T, c *Calls) {
		s := always(nil)
		s.next = func(int) raft.ApplyFuture { s.term++; return answered(nil) }
		c.Raft = s
		token, err := c.Barrier(t.Context())
		require.ErrorIs(t, err, ErrLost)
		require.ErrorContains(t, err, "from 3 to 4")
		require.True(t, token.IsZero())
		require.Equal(t, Lost, Classify(err))
	})
}

// While raft's main loop is busy the hand-over is repeated, and that it timed
// out is not the caller's concern.
func TestHandOverIsRepeated(t *testing.T) {
	bothWays(t, func(t *testing.T, c *Calls) {
		c.Raft = &script{next: func(call int) raft.ApplyFuture {
			if call < 30 {
				return refusal{raft.ErrEnqueueTimeout}
			}
			return answered(nil)
		}}
		start := time.Now()
		_, _, err := c.Apply(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, 29*slice, time.Since(start))

		busy := always(refusal{raft.ErrEnqueueTimeout})
		c.Raft = busy
		ctx, cancel := context.WithTimeout(t.Context(), 5*slice/2)
		defer cancel()
		_, err = c.Barrier(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, raft.ErrEnqueueTimeout)
		time.Sleep(slice)
		synctest.Wait()
		require.Equal(t, 3, busy.calls, "nothing is handed over once the context has ended")
		require.Zero(t, c.Outstanding())
	})
}

func TestGuarantee20_ContextEndedBefore(t *testing.T) {
	bothWays(t, func(t *testing.T, c *Calls) {
		cause := errors.New("program ends")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		s := always(answered(nil))
		c.Raft = s
		_, err := c.Barrier(ctx)
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, c.Verify(ctx), cause)
		_, _, err = c.Apply(ctx, nil)
		require.ErrorIs(t, err, cause)
		require.NotErrorIs(t, err, ErrOutcomeUnknown, "it was not handed over")
		require.Zero(t, s.calls)

		require.Equal(t, raft.ErrNotLeader, c.Await(ctx, refusal{raft.ErrNotLeader}), "the answer is there")
		hangs := hanging()
		require.ErrorIs(t, c.Await(ctx, hangs), cause)
		release(c, hangs)
		require.Zero(t, c.Outstanding())
	})
}

// release answers a future that may have been given up by a goroutine, or
// cancelled.
func release(c *Calls, f *future) {
	if !c.CancelByReflection {
		f.answer <- nil
	}
	synctest.Wait()
}

func TestGuarantee20_AwaitCountsWhatItLeaves(t *testing.T) {
	bothWays(t, func(t *testing.T, c *Calls) {
		cause := errors.New("program ends")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		f := hanging()
		start := time.Now()
		require.ErrorIs(t, c.Await(ctx, f), cause)
		require.Equal(t, time.Second, time.Since(start))
		if c.CancelByReflection {
			require.Zero(t, c.Outstanding())
			require.Equal(t, raft.ErrRaftShutdown, f.Error(), "the price")
		} else {
			require.Equal(t, 1, c.Outstanding())
		}
		release(c, f)
		require.Zero(t, c.Outstanding())
	})
}

// Futures without the field, with one of another type, or with raft's own
// channel in it are left alone, and waited for by a goroutine.
func TestReflectionFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Calls{CancelByReflection: true}
		answer, raftsOwn := make(chan error), make(chan struct{})
		futures := []raft.Future{
			&plain{answer},
			&odd{plain: plain{answer}, ShutdownCh: make(chan error)},
			&future{answer: answer, ShutdownCh: raftsOwn},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i, f := range futures {
			require.ErrorIs(t, c.Await(ctx, f), context.DeadlineExceeded)
			require.Equal(t, i+1, c.Outstanding())
		}
		for range futures {
			answer <- nil
		}
		synctest.Wait()
		require.Zero(t, c.Outstanding())
	})
}

func TestCallsSayWhatIsMissing(t *testing.T) {
	var none context.Context
	var down *raft.Raft
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"context", (&Calls{}).Await(none, answered(nil)), "the context is nil"},
		{"future", (&Calls{}).Await(t.Context(), nil), "the future is nil"},
		{"context of a call", (&Calls{Raft: always(nil)}).Verify(none), "the context is nil"},
		{"raft", (&Calls{}).Verify(t.Context()), "Calls.Raft is nil"},
		{"a raft that failed to start", (&Calls{Raft: down}).Verify(t.Context()), "Calls.Raft is nil"},
	} {
		require.ErrorContains(t, tc.err, tc.want, tc.name)
	}
	_, err := (&Calls{}).Barrier(t.Context())
	require.ErrorContains(t, err, "Calls.Raft is nil")
	_, _, err = (&Calls{}).Apply(t.Context(), nil)
	require.ErrorContains(t, err, "Calls.Raft is nil")
}
