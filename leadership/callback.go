// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// start runs op on a goroutine of its own and tells the machine when it returns.
func (l *loop) start(o op, timeout time.Duration) {
	s, done := l.current, make(chan struct{})
	l.mu.Lock()
	l.done, l.workers = done, nil
	l.mu.Unlock()
	go func() {
		var token Token
		err := errExited // stays when a callback calls runtime.Goexit
		defer func() {
			close(done)
			l.mail.post(event{kind: evDone, token: token, err: err})
		}()
		switch o {
		case opCatchUp:
			token, err = l.catchUp(s.ctx)
			s.token = token
		case opEstablish:
			err = l.callback(s.ctx, timeout, ErrEstablishTimeout, s, l.role.Establish)
		case opReconcile:
			err = l.callback(s.ctx, timeout, ErrReconcileTimeout, s, l.role.Reconcile)
		case opJoin:
			s.group.join()
			err = nil
		case opRevoke:
			err = l.revoke(s, timeout)
		}
	}()
}

func (l *loop) callback(ctx context.Context, timeout time.Duration, late error, s *Session,
	fn func(context.Context, *Session) error,
) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	l.mu.Lock()
	l.workers = []string{goroutine()}
	l.mu.Unlock()
	return call(func() error { return fn(ctx, s) })
}

func (l *loop) revoke(s *Session, timeout time.Duration) error {
	if l.role.Revoke == nil {
		return nil
	}
	return l.callback(l.values, timeout, ErrRevokeTimeout, s, func(ctx context.Context, s *Session) error {
		return l.role.Revoke(ctx, s, context.Cause(s.ctx))
	})
}

// call turns a panic into an error.
func call(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("leadership: the callback %w: %v\n%s", errPanicked, p, debug.Stack())
		}
	}()
	return fn()
}

// giveUp records what does not return, and tells OnStuck.
func (l *loop) giveUp(o op, cause error) {
	l.mu.Lock()
	workers, done, what := l.workers, l.done, o.String()
	l.mu.Unlock() // Status must not wait for the stacks
	if o == opJoin {
		var names []string
		names, workers = l.current.group.left()
		what = "Session.Go " + strings.Join(names, ", ")
	}
	stuck := &StuckError{
		Op: what, After: time.Since(l.machine.since), Cause: cause, Done: done, Stack: stackOf(workers),
	}
	l.mu.Lock()
	l.stuck = stuck
	l.mu.Unlock()
	l.log.Error("a callback does not return: nothing else is called until it does, and this server declines leadership",
		"callback", what, "running_for", stuck.After, "cause", cause, "stack", stuck.Stack)
	if l.conf.OnStuck != nil {
		go l.conf.OnStuck(stuck)
	}
}

// goroutine returns the head under which runtime.Stack lists the calling
// goroutine: "goroutine 7 ".
func goroutine() string {
	var b [32]byte
	head, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), "[")
	return head
}

const maxStacks = 4 << 20

// stackOf returns the stacks of the goroutines named. It stops the world for
// as long as it takes to write down all of them.
func stackOf(workers []string) string {
	if len(workers) == 0 {
		return ""
	}
	buf := make([]byte, 64<<10)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < maxStacks {
		buf = make([]byte, 2*n)
		n = runtime.Stack(buf, true)
	}
	var found []string
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		for _, w := range workers {
			if strings.HasPrefix(stack, w) {
				found = append(found, strings.TrimSpace(stack))
			}
		}
	}
	return strings.Join(found, "\n\n")
}
