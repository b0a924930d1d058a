// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Session is one stretch of work as leader: the scope of one attempt to establish
// and of what follows from it. Its methods may be called from any goroutine, and
// return errors once it has ended.
type Session struct {
	runner  *Runner
	ctx     context.Context
	cancel  context.CancelCauseFunc
	serial  uint64
	epoch   uint64
	attempt int
	token   Token // written before Establish is called
	group   group
}

// Context ends when the session does: inside raft's own state change when
// leadership is lost, before anybody can see that it is. context.Cause says why:
// a cause of a loss, which errors.Is finds to be ErrLost, or ErrReasserted,
// ErrHandingOver, ErrStopped, ErrEstablishTimeout, a finding of the watchdog that
// fences, or what a callback or goroutine returned.
func (s *Session) Context() context.Context { return s.ctx }

// Token is the session's fencing token: larger than that of any session before
// it, on any server of the cluster. Storage that refuses a token smaller than the
// largest it has seen is safe from a leader that does not know yet that it no
// longer leads.
func (s *Session) Token() Token { return s.token }

// Epoch is the leadership of this server that the session belongs to; see State.
func (s *Session) Epoch() uint64 { return s.epoch }

// Attempt counts the sessions within the epoch, from 1.
func (s *Session) Attempt() int { return s.attempt }

// Go runs fn on a goroutine that Revoke waits for. fn should return when its
// context, that of the session, ends; it may block until then, and is stuck, as a
// callback would be, if it does for Config.Grace longer. An error or a panic before
// that ends the session; nil does not. name is for errors. After the end of the
// session fn is not run. A nil fn panics.
func (s *Session) Go(name string, fn func(ctx context.Context) error) {
	if fn == nil {
		panic("leadership: Session.Go needs a function")
	}
	if s.ctx.Err() != nil {
		return
	}
	s.group.start(name, func() {
		err := errExited
		defer func() {
			if err != nil && s.ctx.Err() == nil {
				s.end(fmt.Errorf("leadership: goroutine %q: %w", name, err))
			}
		}()
		err = call(func() error { return fn(s.ctx) })
	})
}

// end asks the loop to end the session and cancels its context. In this order:
// whatever returns because of the context is taken in later.
func (s *Session) end(cause error) {
	s.runner.mail.post(event{kind: evEndAttempt, serial: s.serial, err: cause})
	s.cancel(cause)
}

// over returns why the session can no longer be used; nil if it can. The term is
// that of the token for as long as this leadership lasts.
func (s *Session) over() error {
	if s.ctx.Err() != nil {
		return fmt.Errorf("leadership: the session is over: %w", context.Cause(s.ctx))
	}
	if term := s.runner.raft.CurrentTerm(); term != s.token.Term {
		return fmt.Errorf("leadership: the session is of term %d and raft in term %d: %w", s.token.Term, term, ErrLost)
	}
	return nil
}

// bound returns a context that ends with ctx, and Config.Grace after the
// session. raft answers what is under way at a loss soon after; what it never
// answers (future.go: a future has no deadline once enqueued) must not hang.
func (s *Session) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() {
		timer := time.NewTimer(s.runner.conf.Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(fmt.Errorf("the session is over: %w", context.Cause(s.ctx)))
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Apply writes cmd to the log as this session, and returns what the state
// machine made of it and its index. The error says which of three happened:
//
//   - ErrOutcomeUnknown in its chain: cmd may have been applied, or may be later,
//     also in a later term.
//   - another error: raft refused cmd. It will not be applied.
//   - nil: it was applied in the session's term; by a session that has ended
//     meanwhile, up to Config.Grace after its end.
//
// It ends with ctx, and Config.Grace after the session at the latest.
func (s *Session) Apply(ctx context.Context, cmd []byte) (response any, index uint64, err error) {
	if ctx == nil {
		return nil, 0, errors.New("leadership: Apply: the context is nil")
	}
	if err := s.over(); err != nil {
		return nil, 0, err
	}
	bounded, release := s.bound(ctx)
	defer release()
	response, index, err = s.runner.writes.Apply(bounded, cmd)
	s.runner.found.write(err, s.runner)
	if err != nil {
		return nil, 0, err
	}
	if term := s.runner.raft.CurrentTerm(); term != s.token.Term {
		return nil, index, fmt.Errorf("leadership: applied at %d, but in term %d or later, not surely in the session's %d: %w: %w",
			index, s.token.Term, s.token.Term, ErrOutcomeUnknown, ErrLost)
	}
	return response, index, nil
}

// Verify asks the other servers whether this server still leads in the session's
// term. It is a hint that costs a round of heartbeats: raft counts also answers to
// what it had sent before the call, and those of servers without a vote
// (replication.go, notifyAll; raft.go, verifyLeader). What must be known is asked
// by ReadBarrier. Call one of them before an act that cannot be undone and that no
// storage can fence.
func (s *Session) Verify(ctx context.Context) error {
	if ctx == nil {
		return errors.New("leadership: Verify: the context is nil")
	}
	if err := s.over(); err != nil {
		return err
	}
	bounded, release := s.bound(ctx)
	defer release()
	if err := s.runner.verifies.Verify(bounded); err != nil {
		return err
	}
	return s.over()
}

// ReadBarrier makes a local read linearizable: when it returns nil, this server
// led the session's term at some time during the call, and everything that was
// acknowledged anywhere before it is in the state machine of this server. It costs
// one entry in the log, which a quorum stores after the call has begun.
//
// raft.VerifyLeader, cheaper, does not do. A leader that has just won has not
// applied yet what the last one acknowledged. And VerifyLeader takes for a vote
// what voters answered before the call, and what servers without a vote answer.
func (s *Session) ReadBarrier(ctx context.Context) error {
	if ctx == nil {
		return errors.New("leadership: ReadBarrier: the context is nil")
	}
	if err := s.over(); err != nil {
		return err
	}
	bounded, release := s.bound(ctx)
	defer release()
	token, err := s.runner.reads.Barrier(bounded)
	s.runner.found.write(err, s.runner)
	switch {
	case err != nil:
		return err
	case token.Term != s.token.Term:
		return fmt.Errorf("leadership: the session is of term %d and the barrier of term %d: %w", s.token.Term, token.Term, ErrLost)
	}
	return s.over()
}
