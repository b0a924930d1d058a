// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package leadership makes leadership of a hashicorp/raft server something a
// program can rely on: the work done as leader is bounded, fenced and always
// undone, raft never waits for whoever listens, and a leader that cannot lead is
// found.
//
// It differs from a loop over [raft.Raft.LeaderCh] in that nothing of it can hang:
// no callback holds up raft or another server, none runs beside another, every
// wait ends with a context, and a leadership that was lost and won again is a new
// epoch and never "nothing happened".
//
// # Usage
//
// A server hands over what it does as leader, right after raft.NewRaft:
//
//	notifier := leadership.NewNotifier()
//	conf.NotifyCh = notifier.NotifyCh() // raft can never block on it
//	r, err := raft.NewRaft(conf, fsm, logs, stable, snaps, trans)
//	...
//	runner, err := leadership.New(r, notifier, leadership.Role{
//		Establish: func(ctx context.Context, s *leadership.Session) error { ... },
//		Revoke:    func(ctx context.Context, s *leadership.Session, cause error) error { ... },
//	}, leadership.Config{})
//	...
//	err = runner.Run(ctx)
//
// A [Session] is one stretch of work as leader. Its context ends with it, its
// [Token] fences what it writes elsewhere, [Session.Apply] writes to the log in its
// name, [Session.ReadBarrier] makes a local read linearizable, and [Session.Go]
// runs what must have ended before Revoke. A request handler gets the session that
// serves from [Runner.Session], or waits for it by [Runner.Ready].
//
// Below that, each of use alone: a [Notifier], which tells leadership to any number
// of readers (a [Watcher] each) and is what a Runner listens to; [Calls], raft's
// calls ended by a context; [Classify]; [DropButLast] for whoever has only a channel
// of booleans; [Establish] for whoever has a leader loop already and wants a bound
// on its slow step.
//
// # What belongs in Establish
//
// Until Establish returns, the cluster has a leader and no service. So it must be
// fast: read what is in memory, set up what is local, start goroutines. What is slow
// goes into [Session.Go], what recurs into Role.Reconcile. In particular:
//
//   - No series of writes to the log. nomad#6977 began with an Establish that made
//     five, and nomad#8036 with one that made a million. One write, to make the
//     session's token known to the state machine, is fine: [Session.Apply] ends
//     with the session.
//   - No raft call without a context: [Calls], or the methods of the Session.
//   - No Barrier: the state machine has caught up when Establish is called.
//   - Nothing that depends on who else is there. The set of members changes without
//     leadership changing; watch it by itself.
//   - It may be called again on the same server, in the same epoch, after Revoke.
//
// [Runner.Timeline] has how long every step took.
//
// # Guarantees
//
// Each is tested by the test that carries its number. Of the Notifier:
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
//     with no reader, a dead reader, or a slow one. Waking parked readers, and
//     ending contexts made from a session's, is all it costs raft: about a tenth
//     of a microsecond each.
//  7. Reading never enters raft: State, Next and WaitLeader answer while
//     raft's main loop is stuck. A context ends every wait.
//  8. The cause of a loss is one of the errors of this package, and best
//     effort: see [State].
//  9. [DropButLast] never holds up its source, delivers the last value before
//     it closes, and goes on draining after its context ends.
//  10. [Establish] returns within its timeout plus [Grace], whatever its
//     callback does, and says so when the callback is still running.
//
// Of the Runner:
//
//  11. Establish is called only when this server leads, its state machine has
//     applied everything that was committed before, and the token is proven.
//  12. No two callbacks run at once, whatever they do. Revoke is called exactly
//     once for each Establish that was called, after it and every goroutine of
//     the session have returned: after an error, a panic, a late success, a
//     shutdown of raft, and after Run has returned.
//  13. A session's context ends inside raft's own state change, with the cause,
//     before NotifyCh says so, and before this package lets anyone see that the
//     epoch is over.
//  14. Nothing hangs. A callback that still runs Config.Grace after its context
//     has ended is reported once, with its stack; nothing runs beside it, this
//     server hands leadership over, and Run, once it is to end, does not wait for
//     it but names it.
//  15. Tokens never repeat, and are in the order of the log: one that is proven
//     later, anywhere in the cluster, is larger. No token is taken from a term
//     that was read after the fact.
//  16. A local read after [Session.ReadBarrier] is linearizable, and
//     [Session.Apply] returns nil only for a write of its session's own term. It
//     says of every other whether it may have been applied.
//  17. It keeps trying while this server leads. A refusal that passes by itself
//     costs 200 ms at most; failures wait longer each time, up to 10 s; then
//     another server is tried: twice in 10 minutes at most, one transfer at a
//     time, never twice at a server that did not answer.
//  18. A leader whose main loop, disk or state machine hangs is found within two
//     election timeouts, reported, and fenced if asked for; so, with a write probe,
//     are followers that do not store. A transfer that never ends is found when
//     something is written, and reported. See below for what takes longer.
//  19. Status, Check, Session, Ready and Timeline never enter raft: they answer
//     while it is wedged.
//  20. Every call of [Calls] and [Session] ends with its context, and what raft
//     never answers is counted, unless it is cancelled by reflection.
//
// # What it cannot do
//
// Leadership as told here is this server's belief. Another server may lead a newer
// term already, for as long as a leader lease lasts, or longer while this process
// is paused. An established session is a belief, too. So let storage check the
// [Token], or ask [Session.ReadBarrier] before what cannot be undone. State.Term is a
// hint and no fencing token: read after the fact it may be another leader's term.
//
// Go cannot stop a goroutine. A callback that never returns is named and
// surrounded; only the end of the process ends it (Config.OnStuck).
//
// The watchdog sees what raft lets be seen. A transfer that never ends
// (hashicorp/raft#696) shows when something is written: by the catch-up, a
// [Session.Apply], or Watchdog.WriteProbe. A state machine that hangs in one Apply
// shows when a second batch waits behind it and those after it are of one entry
// each, or else when the 128 places of its queue are taken and raft waits, too.
//
// # Timeouts on slow machines
//
// Leadership that flaps is best cured by patience. Consul's raft_multiplier scales
// three of raft's timeouts together, 1 on good machines, 5 by default:
//
//	          HeartbeatTimeout   LeaderLease-   watchdog    watchdog    a hang
//	          ElectionTimeout    Timeout        interval    deadline    is found
//	raft's    1 s                500 ms         500 ms      1.5 s       in 2 s
//	x 2       2 s                1 s            1 s         3 s         in 4 s
//	x 5       5 s                2.5 s          2.5 s       7.5 s       in 10 s
//	x 10      10 s               5 s            5 s         15 s        in 20 s
//
// A slow disk delays what raft's main loop does next: if a write can take a second,
// a lease of 500 ms cannot hold. raft.Raft.ReloadConfig changes the first two
// while raft runs, and the watchdog follows.
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
