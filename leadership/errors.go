// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "errors"

// Errors of use.
var (
	// ErrClosed is returned by Next and WaitLeader once raft has shut down and
	// the last state has been delivered. It is final.
	ErrClosed = errors.New("leadership: raft has shut down")

	// ErrAttached is returned by Attach when the Notifier already belongs to a
	// raft. Make one Notifier for each raft.NewRaft.
	ErrAttached = errors.New("leadership: the Notifier is already attached; make a new one for each raft.NewRaft")

	// ErrStuck is in the chain of every *StuckError.
	ErrStuck = errors.New("leadership: a callback still runs")

	// ErrEstablishTimeout is the cause of a callback's context, and of the
	// error Establish returns, when the timeout came first.
	ErrEstablishTimeout = errors.New("leadership: establish did not finish in time")

	// ErrOutcomeUnknown is in the chain of an error of Calls.Apply when the
	// command was, is, or may still be applied. Without it the command never
	// will be. Ask the state machine before writing again, or make commands
	// that may be applied twice.
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

// errPanicked is in the chain of what a callback returns that panicked.
var errPanicked = errors.New("panicked")

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
