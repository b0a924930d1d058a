// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Establish runs fn on a goroutine of its own and returns what it returns,
// within timeout plus Grace. It is for a program that has a leader loop of its
// own and wants a bound on the step that becomes the leader.
//
// fn gets a context that ends with ctx, or at the timeout with the cause
// ErrEstablishTimeout, and in any case when Establish returns: what is to live
// on must not hang on it. If fn returns within Grace after that, the error wraps the
// cause, also when fn returned nil: work that was finished too late counts as
// failed, and the caller revokes it. If fn does not return, the error is a
// *StuckError. A panic in fn is returned as an error with its stack.
//
// A nil ctx or fn, and a timeout that is not positive, is an error, and fn is
// not run.
func Establish(ctx context.Context, timeout time.Duration, fn func(context.Context) error) error {
	if ctx == nil || fn == nil || timeout <= 0 {
		return fmt.Errorf("leadership: Establish needs a context, a callback and a positive timeout; the timeout is %v", timeout)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("leadership: establish not started: %w", context.Cause(ctx))
	}
	start := time.Now()
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, ErrEstablishTimeout)
	defer cancel()

	err := errExited // stays when fn calls runtime.Goexit
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = call(func() error { return fn(bounded) })
	}()

	select {
	case <-done:
		return outcome(bounded, err)
	case <-bounded.Done():
	}
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case <-done:
		return outcome(bounded, err)
	case <-grace.C:
		return &StuckError{Op: "establish", After: time.Since(start), Cause: context.Cause(bounded), Done: done}
	}
}

// outcome joins what the callback returned with why it was cancelled, if it
// was: nil from a callback that was cancelled is no success.
func outcome(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(err, cause) {
		return fmt.Errorf("leadership: establish cancelled: %w", err)
	}
	return fmt.Errorf("leadership: establish cancelled: %w", errors.Join(cause, err))
}
