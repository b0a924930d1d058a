// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Calls makes raft's calls end with a context. raft's own timeouts bound only
// the hand-over to its main loop: an answer may take for ever, and for some
// calls so may the hand-over. Here the caller leaves when its context ends. What
// it leaves behind is counted:
//
//	call            given up while                      is outstanding until
//	Barrier, Apply  raft's main loop takes nothing      100 ms later
//	                no quorum stores the entry          one does, or this server steps down
//	                disk or state machine hangs         it goes on; never, if raft shuts
//	                                                    down while the entry is in the state
//	                                                    machine's queue, or in the buffer
//	                                                    that BatchApplyCh makes
//	Verify          raft's main loop takes nothing      it goes on; never, if raft shuts
//	                                                    down while the call is in its queue
//	                no quorum answers                   one does, or this server steps down
//	Await           the future has no answer            as above, for the call it is of
//
// Never is raft's doing: no future that it hands out looks at the shutdown
// (future.go, deferError), and none of these queues is emptied by it (fsm.go,
// runFSM; raft.go, run).
//
// Set the fields before the first call, and do not copy a Calls after it. Its
// methods may then be called from any goroutine. They return an error when ctx
// or Raft is nil.
type Calls struct {
	// Raft is the *raft.Raft, or what stands for it in a test.
	Raft interface {
		Apply(cmd []byte, timeout time.Duration) raft.ApplyFuture
		Barrier(timeout time.Duration) raft.Future
		VerifyLeader() raft.Future
		CurrentTerm() uint64
	}

	// CancelByReflection has futures waited for without a goroutine, so that a
	// call which is given up leaves nothing behind, whatever raft does. It sets
	// a field of raft's futures that is exported and meant for raft alone
	// (ShutdownCh, in future.go). Futures of a version of raft that has no such
	// field are waited for as if CancelByReflection was not set.
	//
	// The price: the Error of a future that was given up says ErrRaftShutdown
	// for ever after. Whether an answer that is there or the context's end wins
	// is chance. Barrier and Apply hand over in the caller, in slices, and
	// return up to 100 ms after the context's end while raft's main loop takes
	// nothing; they then know that it has taken nothing. Verify keeps its
	// goroutine, because raft's hand-over of it has no timeout, and leaves it
	// behind when the 64 places of that queue are taken.
	CancelByReflection bool

	outstanding atomic.Int64
	quitPaths   sync.Map // see quitPath; by reflect.Type
}

// Outstanding returns how many futures were given up and have no answer yet;
// each holds a goroutine. A number that grows says that raft is stuck.
func (c *Calls) Outstanding() int { return int(c.outstanding.Load()) }

// Barrier waits until this server has applied everything that was committed
// before, and returns the proof that it led meanwhile. The term is read before
// and after: terms never go back and a leader stamps entries with its own, so an
// equal term is the barrier's. If it moved, the error wraps ErrLost, although
// this server may lead again.
//
// When ctx ends first, the error wraps its cause. Otherwise it is raft's;
// never ErrEnqueueTimeout, since that says only that raft's main loop was busy,
// and Barrier tries again. A barrier changes nothing, so it may be repeated.
func (c *Calls) Barrier(ctx context.Context) (Token, error) {
	if err := c.ready(ctx); err != nil {
		return Token{}, err
	}
	term := c.Raft.CurrentTerm()
	e := c.submit(ctx, c.Raft.Barrier)
	if e.err != nil {
		return Token{}, e.err
	}
	if now := c.Raft.CurrentTerm(); now != term {
		return Token{}, fmt.Errorf("leadership: the term went from %d to %d during the barrier: %w", term, now, ErrLost)
	}
	indexed, ok := e.future.(raft.IndexFuture)
	if !ok { // raft promises a Future only
		return Token{}, fmt.Errorf("leadership: this raft's barrier has no index (%T); raftkeel needs a release for it", e.future)
	}
	return Token{Term: term, Index: indexed.Index()}, nil
}

// Verify asks a quorum whether this server leads, and returns nil if it did at
// some time during the call. Of which term, it does not say.
//
// When ctx ends first, the error wraps its cause. Otherwise it is raft's.
func (c *Calls) Verify(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	answer, err := leave(ctx, &c.outstanding, func() error {
		f := c.Raft.VerifyLeader()
		if quit := c.quitOf(f); quit != nil {
			return cancellable(ctx, f, quit)
		}
		return f.Error()
	})
	if err != nil {
		return err
	}
	return answer
}

// Apply hands a command to raft and waits until this server's state machine
// has applied it. It returns what that answered, also when that is an error, and
// the index of the command in raft's log. cmd is raft's from then on: do not
// change it, whatever Apply returns.
//
// The error wraps the cause of ctx if that ended first, and otherwise raft's
// error; never ErrEnqueueTimeout, since that says only that raft's main loop was
// busy, and Apply tries again. ErrOutcomeUnknown is in its chain whenever the
// command may have been applied, or may still be, by this leader or a later one.
// Without it raft has refused the command for good: ErrNotLeader,
// ErrLeadershipTransferInProgress, ErrRaftShutdown before the hand-over, or a ctx
// that ended before it. All else leaves it open: raft answers with the log
// store's own error after a write that may have got there (raft.go, dispatchLogs),
// with ErrRaftShutdown for entries that are committed (processLogs), and with
// ErrAbortedByRestore for entries that followers may have.
func (c *Calls) Apply(ctx context.Context, cmd []byte) (resp any, index uint64, err error) {
	if err := c.ready(ctx); err != nil {
		return nil, 0, err
	}
	e := c.submit(ctx, func(timeout time.Duration) raft.Future { return c.Raft.Apply(cmd, timeout) })
	switch {
	case e.err != nil && e.taken:
		return nil, 0, fmt.Errorf("%w: %w", ErrOutcomeUnknown, e.err)
	case e.err != nil:
		return nil, 0, fmt.Errorf("leadership: not applied: %w", e.err)
	}
	applied := e.future.(raft.ApplyFuture) // submit returns what Apply did
	return applied.Response(), applied.Index(), nil
}
