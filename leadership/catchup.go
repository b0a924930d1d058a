// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"time"
)

const (
	// A refusal that passes by itself, such as a transfer that is about to end,
	// is tried again after this, then after twice as long.
	firstRetry = 25 * time.Millisecond
	lastRetry  = 200 * time.Millisecond

	// How many batches may wait for the state machine (api.go, fsmMutateCh).
	fsmQueue = 128

	// How often the barrier of an attempt before is looked after.
	settleEvery = 10 * time.Millisecond
)

// catchUp returns when the state machine has applied all that was committed
// before, with the proof that we lead. It returns when ctx ends, or when nothing
// moves.
func (r *Runner) catchUp(ctx context.Context) (Token, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watchProgress(ctx, cancel)
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	longest := min(lastRetry, r.raft.ReloadableConfig().ElectionTimeout/4)
	for wait := firstRetry; ; wait = min(2*wait, longest) {
		if err := r.settle(ctx); err != nil {
			return Token{}, err
		}
		token, err := r.barriers.Barrier(ctx)
		r.found.write(err, r)
		if Classify(err) != Retry {
			return token, err
		}
		if err := pause(ctx, wait/2+time.Duration(jitter()*float64(wait/2))); err != nil {
			return Token{}, err
		}
	}
}

// settle waits until raft has answered the barrier of an attempt before. It hangs
// where the next one would hang too, so one is enough.
func (r *Runner) settle(ctx context.Context) error {
	for r.barriers.Outstanding() > 0 {
		if err := pause(ctx, settleEvery); err != nil {
			return err
		}
	}
	return nil
}

// watchProgress cancels the catch-up when nothing has moved for CatchUpStall:
// nats-streaming#1287 has why a deadline on the whole would be wrong. A restore by
// the user stops everything for its length.
//
// The indexes alone would not do. The applied one counts what was handed to the
// state machine (api.go, AppliedIndex), and 128 batches may wait there: a slow one
// works them off while both indexes stand still. While all places are taken
// nothing shows at all, for raft fills at once the one that becomes free; then its
// main loop waits there, the watchdog says so, and it could not transfer either.
func (r *Runner) watchProgress(ctx context.Context, cancel context.CancelCauseFunc) {
	type progress struct {
		commit uint64
		fsm    fsmSample
	}
	look := func() progress { return progress{r.raft.CommitIndex(), sampleFSM(r.raft.Stats())} }
	last, since := look(), time.Now()
	for pause(ctx, r.conf.CatchUpStall/8) == nil {
		now := look()
		full := now.fsm.pending >= fsmQueue
		if now != last || full || r.restores.Load() > 0 {
			last, since = now, time.Now()
		}
		if time.Since(since) >= r.conf.CatchUpStall {
			cancel(ErrNoProgress)
			return
		}
	}
}

// pause waits; it returns the cause of ctx if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
