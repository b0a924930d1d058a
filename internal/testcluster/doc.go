// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package testcluster is a whole hashicorp/raft cluster in one process, in
// memory and in virtual time, with every fault on tap: real servers, on a network
// and on stores that do what a test tells them to.
//
// It differs from raft's own InmemTransport clusters in what it can do wrong: it
// has the heartbeat fast path of every real transport, black holes, one-way
// cuts, hung disks, paused main loops and crashes; and it says how often each of
// them really happened. Thousands of leader changes fit into a real second.
//
// # Usage
//
//	synctest.Test(t, func(t *testing.T) {
//		c, err := testcluster.New(testcluster.Config{Seed: 7})
//		require.NoError(t, err)
//		c.ReportTo(t) // before Close: cleanups run last first
//		t.Cleanup(func() { require.NoError(t, c.Close()) })
//
//		change, err := c.Flap(t.Context(), testcluster.Isolate)
//		// ... what must hold after change.New took over from change.Old ...
//		require.NoError(t, c.Converged(t.Context()))
//	})
//
// The package imports neither testing nor testing/synctest. A test makes the
// bubble; a program runs the same cluster in real time.
//
// # Guarantees
//
//  1. The servers are real: raft.NewRaft with raft's default timeouts, and the
//     caller's raft.Config has the last word. With Config.Dir the stores are those of
//     production; with Config.Pipes the transport is.
//  2. A fault counts when it happens, not when it is asked for ([Kind]). A run in
//     which a requested kind never happened fails in [Cluster.Check] and
//     [Cluster.Close]: it proved less than it claims.
//  3. A crash is one as far as others can see: nothing that the old incarnation
//     writes, answers or applies after it has an effect, and what it had
//     acknowledged before is on its disk. A crash waits for no hang.
//  4. What was ever applied or acknowledged is compared, on every server, at
//     every apply and again in [Cluster.Converged], by an oracle that asks raft
//     nothing. A violation names server, index and terms.
//  5. Close returns when everything the package started has ended, or names the
//     server that does not stop. What others forgot, synctest reports.
//  6. Every wait ends with its context; one without a deadline ends after a
//     minute. The errors say what to do next.
//  7. No mutex is held across a wait, and every channel is made by a
//     constructor, so that a bubble can neither freeze nor see foreign channels.
//
// # How far a seed replays
//
// The plan replays: [Random] is a pure function, a [Schedule] is a value that prints
// as one line and reads back. The links replay: the fate of the n-th message from
// one server to another is a pure function of seed, link and n. Elections do not:
// raft draws its timeouts from the global math/rand, and Go's select, map order and
// scheduler have their say, so who wins, and with that which messages are sent,
// differs from run to run. To chase a failure, run its printed schedule again and
// again; it has the same shape each time. Do not promise more.
//
// # Traps
//
//   - Make the cluster, its contexts and every channel it meets inside the bubble.
//     A select with one channel from outside freezes the virtual clock for good.
//     No t.Run and no t.Parallel inside. Sockets do not work; pipes and files do.
//   - A bubble must not end while servers run, and t.Fatal ends it: register Close
//     with t.Cleanup right after New. A goroutine that merely sleeps counts as left, too.
//   - Pausing or hanging a leader's main loop does not depose it. Its heartbeats
//     go on (replication.go, heartbeat), and on the fast path those of others are
//     answered. That is the state that State, LastContact and VerifyLeader do not see.
//   - A kick in the instant of another election can be lost. Flap settles first.
//   - Never transfer leadership into trouble: hashicorp/raft#696 leaves a later leader
//     that refuses every write, and a goroutine that nobody can free, for which the
//     bubble panics. Flap and Run take care; Server.Transfer does not.
//   - A follower whose store fails in the moment of a truncation takes no more
//     entries until it is restarted (hashicorp/raft#612); Converged recognizes it.
//   - raft's pipelining can hang replication and Shutdown for good, on any stream
//     transport with more than one call in flight, so pipes run without it.
//   - raft itself can violate State Machine Safety: a follower commits entries that
//     the leader never verified (raft.go, appendEntries, min with getLastIndex; also in
//     v1.8.0). About one in 300 random schedules of 60 steps shows it.
//   - A wiped voter has forgotten its votes. What the oracle then finds is real.
//   - The reflection that frees hung futures needs deferError.ShutdownCh, an exported
//     field of raft; a test fails when it is gone.
package testcluster
