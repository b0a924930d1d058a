// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"fmt"
	"time"
)

// Errors of use.
var (
	// ErrClosed says that raft has shut down. It is final. Next and WaitLeader
	// return it once the last state has been delivered, Run when all is undone,
	// Ready at once, and Transfer until Run has returned.
	ErrClosed = errors.New("leadership: raft has shut down")

	// ErrAttached is returned by Attach when the Notifier already belongs to a
	// raft. Make one Notifier for each raft.NewRaft.
	ErrAttached = errors.New("leadership: the Notifier is already attached; make a new one for each raft.NewRaft")

	// ErrStuck is in the chain of every *StuckError.
	ErrStuck = errors.New("leadership: a callback still runs")

	// ErrEstablishTimeout is the cause of a callback's context, of the error
	// Establish returns, and of a session's end, when the timeout came first.
	ErrEstablishTimeout = errors.New("leadership: establish did not finish in time")

	// ErrOutcomeUnknown is in the chain of an error of Calls.Apply and
	// Session.Apply when the command was, is, or may still be applied. Without
	// it the command never will be. Ask the state machine before writing again,
	// or make commands that may be applied twice. Runner.Restore returns it for
	// a restore that goes on.
	ErrOutcomeUnknown = errors.New("leadership: the outcome is unknown: the command may have been applied, or may still be")

	// ErrLost says that a leadership is over. Every cause of a loss Is it:
	// errors.Is(ErrTransferred, ErrLost) is true.
	ErrLost = errors.New("leadership: lost")
)

// Errors of a Runner.
var (
	// ErrReconcileTimeout is the cause of a session's end when Role.Reconcile did
	// not finish in time.
	ErrReconcileTimeout = errors.New("leadership: reconcile did not finish in time")

	// ErrRevokeTimeout is the cause of the end of the context of Role.Revoke.
	ErrRevokeTimeout = errors.New("leadership: revoke did not finish in time")

	// ErrNoProgress says that the state machine did not get on at all for
	// Config.CatchUpStall while it should have caught up: it hangs, or nothing
	// is committed.
	ErrNoProgress = errors.New("leadership: the state machine makes no progress: it hangs, or nothing is committed")

	// ErrReasserted is the cause of a session's end by Runner.Reassert.
	ErrReasserted = errors.New("leadership: reasserted: a new session follows")

	// ErrHandingOver is the cause of a session's end by Runner.Transfer.
	ErrHandingOver = errors.New("leadership: handing over to another server")

	// ErrStopped says that the context of Run has ended. It is in the cause of the
	// session's end then, and what Ready and Transfer return.
	ErrStopped = errors.New("leadership: the Runner has been stopped")

	// ErrTransferPending is returned by Transfer while another transfer is under
	// way. Two at once can wedge raft for good (hashicorp/raft#696).
	ErrTransferPending = errors.New("leadership: a transfer is under way already; wait for it")

	// ErrNoTarget is returned by Transfer when there is no other voter to hand
	// leadership to, or not the one asked for.
	ErrNoTarget = errors.New("leadership: no such voter to transfer to")

	// ErrSilentTarget is returned by Transfer for a server that raft's heartbeats
	// do not reach, or that failed to take over once in this leadership. A second
	// try could leave a later leader that refuses every write (hashicorp/raft#696).
	ErrSilentTarget = errors.New("leadership: the server to transfer to does not answer; name another")
)

// What the watchdog finds; see Runner.Check.
var (
	// ErrUnresponsive says that raft does not answer: its main loop hangs, most
	// likely in the log store, the state machine or a user restore.
	ErrUnresponsive = errors.New("leadership: raft does not answer while it leads: a hung disk or state machine; if it lasts, restart this server")

	// ErrFSMStalled says that entries wait for the state machine, and it takes none.
	ErrFSMStalled = errors.New("leadership: the state machine takes no entries: Apply, Restore or Snapshot hangs; if it lasts, restart this server")

	// ErrWritesStalled says that a write is not applied in time although raft
	// answers: the stores of the followers hang, or the state machine does.
	ErrWritesStalled = errors.New("leadership: writes are accepted and not applied: look at the disks of the followers and at the state machine")

	// ErrTransferWedged says that raft refuses writes because of a transfer that
	// does not end.
	ErrTransferWedged = errors.New("leadership: raft refuses every write because a leadership transfer does not end (hashicorp/raft#696); " +
		"if this outlasts the timeout of the transport, restart this server")
)

var (
	// errPanicked is in the chain of what a callback is taken to return that panicked.
	errPanicked = errors.New("panicked")

	// errExited is what a callback that called runtime.Goexit is taken to return.
	errExited = errors.New("leadership: the callback called runtime.Goexit")
)

// StuckError says that a callback still runs although its context was cancelled and
// the grace is over. From [Establish]: do not revoke and do not establish again before
// Done is closed: either would run beside the callback; a server that can neither wait
// nor tell should stop leading, or exit. A Runner keeps to that by itself.
type StuckError struct {
	// Op says what runs: "establish", "reconcile", "revoke", "Session.Go " and the
	// names given to it, or "a function of Config.Events".
	Op string
	// After is how long it had been running when it was given up.
	After time.Duration
	// Cause is why its context was cancelled: ErrEstablishTimeout, or the cause
	// of the caller's context; of a Runner, why the session, or Run, has ended.
	Cause error
	// Done is closed when the callback returns, which may be never. What it
	// returns then is dropped, and so is a panic; a Runner reports those of Revoke.
	Done <-chan struct{}
	// Stack is where it runs, as runtime.Stack puts it. "" from Establish, and of
	// Config.Events.
	Stack string
}

// Error names the time and the cause.
func (e *StuckError) Error() string {
	return fmt.Sprintf("leadership: %s still runs after %v and ignores its context (%v): nothing can be revoked "+
		"or established until it returns; if it does not, restart this process", e.Op, e.After, e.Cause)
}

// Unwrap returns ErrStuck and Cause.
func (e *StuckError) Unwrap() []error { return []error{ErrStuck, e.Cause} }

// Causes of a loss of leadership, in State.Cause. errors.Is finds ErrLost in each.
var (
	// ErrTransferred says that leadership was handed to another server: it
	// asked for our vote in a newer term as the target of a transfer.
	ErrTransferred error = &loss{"leadership: transferred to another server"}

	// ErrSuperseded says that another server, elected in a newer term, spoke
	// to us while we still led. This server was probably paused, or cut off.
	ErrSuperseded error = &loss{"leadership: superseded by another leader in a newer term"}

	// ErrLeaseLost says that raft stepped down by itself: a quorum was silent
	// for raft.Config.LeaderLeaseTimeout, an answer named a newer term, or the
	// log store refused a write. It is what remains when nothing else is known.
	ErrLeaseLost error = &loss{"leadership: stepped down: lost contact with a quorum, or could not write"}

	// ErrRemoved says that the configuration no longer has this server as a
	// voter.
	ErrRemoved error = &loss{"leadership: this server was removed from the voters"}

	// ErrShutdown says that raft was shut down while it led.
	ErrShutdown error = &loss{"leadership: raft was shut down"}
)

// loss is the type of every cause, so that it Is ErrLost. The causes are
// pointers, and compare as the errors of errors.New do.
type loss struct{ text string }

func (l *loss) Error() string { return l.text }

func (*loss) Is(target error) bool { return target == ErrLost }
