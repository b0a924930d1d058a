// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package leadership makes leadership of a hashicorp/raft server something a
// program can rely on: raft never waits for whoever listens, and a listener
// always learns the newest state and exactly how much it missed.
//
// It differs from [raft.Raft.LeaderCh] in four ways: any number of readers may
// watch, each gets the current state first, a leadership that was lost and won
// again is a new epoch and never "nothing happened", and the end of raft is
// reported. It differs from a buffered raft.Config.NotifyCh in one: it cannot
// fill up.
//
// # Usage
//
// A [Notifier] is made before raft, handed to it, and attached right after:
//
//	notifier := leadership.NewNotifier()
//	conf.NotifyCh = notifier.NotifyCh()
//	r, err := raft.NewRaft(conf, fsm, logs, stable, snaps, trans)
//	...
//	err = notifier.Attach(r)
//
// From then on [Notifier.State] tells the present, [Notifier.WaitLeader] waits
// for leadership, and a [Watcher] sees every change:
//
//	w := notifier.Watch()
//	var serving uint64 // the epoch we serve in; 0: none
//	for {
//		u, err := w.Next(ctx)
//		if serving != 0 && (err != nil || u.Epoch != serving || !u.Leader) {
//			revoke()
//			serving = 0
//		}
//		if err != nil {
//			return err
//		}
//		if u.Leader && serving == 0 {
//			establish()
//			serving = u.Epoch
//		}
//	}
//
// Compare epochs, not booleans: two updates in a row that both say Leader are
// two leaderships with a gap between them, in which another server may have
// led.
//
// Whoever has only a channel of booleans takes [DropButLast]. Whoever has a
// leader loop already takes [Establish] to put a bound on its slow step.
//
// # Guarantees
//
// Each is tested by the test that carries its number.
//
//  1. A send by raft on [Notifier.NotifyCh] never waits for a reader: once
//     attached, the channel is drained inside raft's own state change, for the
//     life of raft, whatever the program does, and without a goroutine. Before
//     Attach 1,024 sends fit.
//  2. The newest state is always delivered. After the last change every
//     watcher's next Next returns it; a new watcher gets the present state
//     first, at once.
//  3. Counts are exact. The Gains and Losses of a watcher's updates add up to
//     what raft went through since Watch, also what happened before Attach.
//  4. An epoch is one leadership of this server and never comes back: lost and
//     regained is a new epoch, gained and lost shows in the counts.
//  5. The shutdown of raft ends it exactly once: a last State with Closed set
//     and Leader not set, then [ErrClosed], whatever raft.Raft.State says.
//  6. Memory is constant and a change of leadership allocates nothing here,
//     with no reader, a dead reader, or a slow one. Waking parked readers is
//     all it costs raft: about a tenth of a microsecond each.
//  7. Reading never enters raft: State, Next and WaitLeader answer while
//     raft's main loop is stuck. A context ends every wait.
//  8. The cause of a loss is one of the errors of this package, and best
//     effort: see [State].
//  9. [DropButLast] never holds up its source, delivers the last value before
//     it closes, and goes on draining after its context ends.
//  10. [Establish] returns within its timeout plus [Grace], whatever its
//     callback does, and says so when the callback is still running.
//
// # What it cannot do
//
// Leadership as told here is this server's belief. Another server may lead a
// newer term already, for as long as a leader lease lasts, or longer while
// this process is paused. State.Term is a hint and no fencing token: read
// after the fact it may be another leader's term. A leader whose disk or state
// machine hangs never loses leadership and so is never reported.
//
// # Why the channel must be drained
//
// raft sends on NotifyCh from its main goroutine and waits (raft.go,
// runLeader). While it waits the server answers no vote and appends no entry,
// but still acknowledges heartbeats, through the fast path of every network
// transport. The effects reach other servers: a cluster whose writes never
// return, a healthy leader deposed when the channel is read at last, and
// acknowledged writes that vanish (hashicorp/raft#695). The tests of this
// package reproduce each with a stalled channel.
package leadership
