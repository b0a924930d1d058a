// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errExited is what a callback that called runtime.Goexit is taken to return.
var errExited = errors.New("leadership: the callback called runtime.Goexit")

// StuckError says that a callback still runs although its context was
// cancelled and the grace is over. Do not revoke and do not establish again
// before Done is closed: either would run beside the callback. A server that
// can neither wait nor tell should stop leading, or exit.
type StuckError struct {
	// Op says what runs: "establish", "revoke", the names given to Session.Go.
	Op string
	// After is how long the callback had been running when it was given up.
	After time.Duration
	// Cause is why its context was cancelled: ErrEstablishTimeout, or the cause
	// of the caller's context.
	Cause error
	// Done is closed when the callback returns, which may be never. What it
	// returns then is dropped, and so is a panic.
	Done <-chan struct{}
	// Stack is where it runs, as runtime.Stack puts it. "" from Establish.
	Stack string
}

// Error names the time and the cause.
func (e *StuckError) Error() string {
	return fmt.Sprintf("leadership: %s still runs after %v and ignores its context (%v): "+
		"do not revoke or establish again before Done", e.Op, e.After, e.Cause)
}

// Unwrap returns ErrStuck and Cause.
func (e *StuckError) Unwrap() []error { return []error{ErrStuck, e.Cause} }

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
