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
)

// Causes of a loss of leadership, in State.Cause.
var (
	// ErrTransferred says that leadership was handed to another server: it
	// asked for our vote in a newer term as the target of a transfer.
	ErrTransferred = errors.New("leadership: transferred to another server")

	// ErrSuperseded says that another server, elected in a newer term, spoke
	// to us while we still led. This server was probably paused, or cut off.
	ErrSuperseded = errors.New("leadership: superseded by another leader in a newer term")

	// ErrLeaseLost says that raft stepped down by itself: a quorum was silent
	// for raft.Config.LeaderLeaseTimeout, an answer named a newer term, or the
	// log store refused a write. It is what remains when nothing else is known.
	ErrLeaseLost = errors.New("leadership: stepped down: lost contact with a quorum, or could not write")

	// ErrRemoved says that the configuration no longer has this server as a
	// voter.
	ErrRemoved = errors.New("leadership: this server was removed from the voters")

	// ErrShutdown says that raft was shut down while it led.
	ErrShutdown = errors.New("leadership: raft was shut down")
)
