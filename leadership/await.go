// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// slice is how long one attempt to hand over an entry may take, and with it how
// long an entry may still go to raft after its caller has left.
const slice = 100 * time.Millisecond

var (
	errNoContext = errors.New("leadership: the context is nil; pass context.Background() to wait for as long as it takes")
	errNoRaft    = errors.New("leadership: Calls.Raft is nil; set it to what raft.NewRaft returned")
	errNoFuture  = errors.New("leadership: Await: the future is nil; pass what raft's call returned")
)

// Await waits for the future of any of raft's calls and returns what its Error
// returns, or an error that wraps the cause of ctx when that ends first. An
// answer that has reached the waiting goroutine by then wins.
//
// The future is Await's from then on: its Error may not be called by two
// goroutines at once (future.go), and after ctx ended one still may be in it.
// Read its Index or Response only after a nil error. Await needs no c.Raft.
func (c *Calls) Await(ctx context.Context, f raft.Future) error {
	switch {
	case ctx == nil:
		return errNoContext
	case f == nil:
		return errNoFuture
	case settled(f):
		return f.Error()
	}
	if quit := c.quitOf(f); quit != nil {
		return cancellable(ctx, f, quit)
	}
	answer, err := leave(ctx, &c.outstanding, f.Error)
	if err != nil {
		return err
	}
	return answer
}

// ready says what keeps a call from being made.
func (c *Calls) ready(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	if r, ok := c.Raft.(*raft.Raft); c.Raft == nil || ok && r == nil {
		return errNoRaft
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return nil
}

// ended is the error of a call whose context ended.
func ended(ctx context.Context) error {
	return fmt.Errorf("leadership: gave up waiting for raft: %w", context.Cause(ctx))
}

// leave runs wait on a goroutine and returns its answer, or an error when ctx
// ends first. Then the goroutine is counted until it has ended.
//
// The slot holds one value, ever: the answer, or the caller's resignation. Who
// comes second finds it full, and so both know what the other did.
func leave[T any](ctx context.Context, left *atomic.Int64, wait func() T) (answer T, err error) {
	if ctx.Done() == nil {
		return wait(), nil
	}
	slot := make(chan T, 1)
	go func() {
		answer := wait()
		select {
		case slot <- answer:
		default:
			left.Add(-1)
		}
	}()
	select {
	case answer = <-slot:
		return answer, nil
	case <-ctx.Done():
	}
	left.Add(1) // before the goroutine can take it back
	var resigned T
	select {
	case answer = <-slot:
		left.Add(-1)
		return answer, nil
	case slot <- resigned:
		return resigned, ended(ctx)
	}
}

// entry is what became of a log entry.
type entry struct {
	future raft.Future // with an answer, if err is nil
	taken  bool        // it may be in the log, or may still get there
	err    error
}

// submit hands an entry to raft and waits for its answer. ctx has not ended
// when it is called. It is for the calls whose timeout raft obeys by taking
// nothing: repeating them makes no duplicate.
func (c *Calls) submit(ctx context.Context, enqueue func(time.Duration) raft.Future) entry {
	if c.CancelByReflection {
		e := hand(ctx, enqueue)
		if e.err == nil {
			e.conclude(c.Await(ctx, e.future))
		}
		return e
	}
	e, err := leave(ctx, &c.outstanding, func() entry {
		e := hand(ctx, enqueue)
		if e.err == nil {
			e.conclude(e.future.Error())
		}
		return e
	})
	if err != nil {
		return entry{taken: true, err: err}
	}
	return e
}

// hand hands an entry over in slices, until ctx ends. One call with the time
// that ctx has left would do for a deadline, and not for a cancellation.
func hand(ctx context.Context, enqueue func(time.Duration) raft.Future) entry {
	for ctx.Err() == nil {
		f := enqueue(slice)
		if !settled(f) {
			return entry{future: f, taken: true}
		}
		if err := f.Error(); err != raft.ErrEnqueueTimeout {
			return entry{future: f, err: err}
		}
	}
	return entry{err: ended(ctx)}
}

// conclude takes in raft's answer. Two of them come before anything is written,
// and only then (raft.go, runFollower, runCandidate and leaderLoop); they hold
// for an entry that waited in the buffer of BatchApplyCh, too.
func (e *entry) conclude(err error) {
	e.err = err
	if err == raft.ErrNotLeader || err == raft.ErrLeadershipTransferInProgress {
		e.taken = false
	}
}
