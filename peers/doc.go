// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package peers keeps the list of a hashicorp/raft server's peers true, and never at
// the price of a quorum: what is not proven safe is not done, and is said.
//
// It differs from a loop that compares raft's list with the members that discovery
// shows in that no view, however wrong, costs a voter that still answers; every step
// is one entry of the log, compared and swapped; and what is decided is a value that can
// be read before it is done.
//
// # Usage
//
// A server answers for itself from its start, checks before raft how it may start, and
// keeps the list true while it leads:
//
//	local := peers.NewLocal("n1", "10.0.0.1:8300", "prod")
//	mux.Handle(peers.ProbePath, local) // answers before raft exists
//	prober := peers.NewHTTPProber(client, endpoint)
//	addresses := peers.NewAddresses(source) // the transport's ServerAddressProvider
//	...
//	verdict, err := peers.Boot(ctx, peers.BootConfig{Local: local, Logs: logs, Stable: stable,
//		Snaps: snaps, Source: source, Prober: prober, Expect: 3, Dir: dir})
//	err = verdict.Act(ctx, conf, newFSM, logs, stable, snaps, trans)
//	r, err := raft.NewRaft(conf, newFSM(), logs, stable, snaps, trans)
//	...
//	reconciler, err := peers.New(r, local, source, prober, peers.Config{
//		Policy: peers.Policy{TargetVoters: 3}, Transfer: runner.Transfer})
//	err = reconciler.Run(ctx) // idle while another server leads
//
// A [Source] is discovery: a list, DNS, Serf (module peers/serfpeers). A [Prober] asks a
// server what it says of itself, and whoever answers under another id is found out.
// [Policy.Plan] decides, and prints as a diff; [Policy.Check] is a second opinion.
// [Reconciler.Leave] is the only way to leave.
//
// For the night when there is no leader: [Inspect] reads a node's directory without
// starting it, [Diagnose] says what is wrong with several, [PlanRecovery] says what can
// be saved and writes the one file for all, and [Recover] takes it in with a backup.
//
// # Guarantees
//
// Each is tested by the test that carries its number. Of the policy:
//
//  1. After every change the live voters are a quorum, with a newcomer counted dead
//     until it is proven: alive and stable, itself, ours, running, caught up, and heard
//     by raft.
//  2. No automatic change lowers how many more voters may fail, except that a swap of
//     addresses costs one for a moment; no leave goes below MinSlack.
//  3. A change differs from the list in one server; a handover and a reassertion differ
//     in none.
//  4. No change and no leave brings the voters below MinVoters.
//  5. A voter is removed only if raft and discovery have both missed it for DeadAfter,
//     and it does not answer itself. Not being in a view is Unknown; it counts only in a
//     warm view that shows at least half of the voters, and only after AbsentAfter without
//     raft contact.
//  6. The leader never removes, demotes or parks itself; it hands over first.
//  7. If more than a minority of voters look dead at once, none is removed, whatever
//     part of the view is missing.
//  8. Removals are at least RemovalEvery apart, at most a minority goes in ten times
//     that, and a new leader waits DeadAfter.
//  9. No canonical address is in the list twice. Any permutation of addresses is reached
//     through a parked one without changing the voters.
//  10. A server of another cluster, or with another list at the same index, is never
//     added, promoted or counted.
//  11. A voter that lost its disk is not counted; it is demoted, and votes again only once
//     it has caught up.
//  12. A list that is as it should be gets no entry.
//  13. Three voters with one dead are never cut to two: a removal must gain something.
//  14. Every change passes [Policy.Check], a second opinion written apart.
//
// Of files, probes and addresses:
//
//  15. What [ParsePeers] accepts, raft's own parsers read with the same meaning;
//     everything it refuses is said with line, column and what to write instead.
//  16. After [WritePeers] the file holds the old content or the new one, whatever fails
//     and whenever the machine stops, and the old one is kept beside it, on the disk
//     before the new one is.
//  17. Both ends of a probe agree: a [Reply] reads back as it was written, bounded and
//     strict; [Local] answers before raft exists; and whoever answers is returned as who
//     it says it is.
//  18. A server is dialled by its id where discovery sees it alive now, and by its
//     configured address when that is not sure: a cluster whose addresses all changed
//     elects a leader, and no file is edited.
//
// Of the boot check:
//
//  19. State on the disk wins over every expectation. A blank server bootstraps only with
//     one list that all expected servers, each of them blank, have offered each other, and
//     waits while one of them cannot be asked. All servers that bootstrap write the same
//     first entry.
//  20. A peers.json is taken in whole or refused with the reason, and is never deleted. A
//     server that lost its disk does not vote: its raft does not start before a leader and
//     a quorum of voters list it as a nonvoter.
//
// Of outages:
//
//  21. [Inspect] reads a node's directory without raft, without opening its stores and
//     without writing a byte; a directory that is in use is said to be within a second.
//  22. [PlanRecovery] refuses, and names whom, until the servers that could go on with the
//     newest list, the one before it, or one a change away, are fenced.
//  23. It says Lossless only when no acknowledged write can be lost, in any order of
//     starts; its file is the same bytes for all. Disks lost unseen, and lists changed
//     after a declared Settled, are beyond it.
//  24. [Recover] copies what it will change first, reads the result back, and keeps
//     peers.json until the newest snapshot holds exactly that list; run again after an
//     interruption, it completes or says why not.
//
// Of the reconciler:
//
//  25. A change is made only by a leader that has just proven it leads, against the index
//     it was planned for, and after Check. One whose end is not known leads to a fresh
//     look, never to a retry, and no two are in flight.
//  26. Leave takes no group below its floor, also when all leave at once. A leader that
//     leaves hands over first. "Removed" means committed.
//  27. Every change is audited before and after it, and what cannot be audited is not
//     made. Every server keeps the last lists that were committed.
//  28. A source or a prober that hangs, panics or fails costs a look, and nothing else. No
//     voter that answers raft is removed by itself, whatever the view says.
//
// # What peers.json may not hold
//
// raft takes each of these and makes something else of it; [ParsePeers] refuses it:
//
//	a single server (either form)            N servers with it are N clusters
//	a list without this server               it waits in silence (ParseConfig.Local)
//	anything after the list, a second list   never read
//	"nonvoter", "Suffrage" (text or number)  ignored: a voter
//	any other unknown key, keys in capitals  ignored, or guessed
//	a key twice                              the last one counts
//	"non_voter": null                        a voter
//	no port, port 0 or 99999, a scheme,      an address that nobody can dial
//	blanks, 0.0.0.0 or ::
//	an id with blanks at its ends, NUL, or   a server that never comes
//	what does not print; not UTF-8
//	one endpoint in two spellings            one server votes twice
//	more than 1 MiB or 1,000 servers         the wrong file
//
// # Stop and leave
//
// A server that stops comes back and keeps its vote. A server that leaves is taken out of
// the list. They must be two commands. In Consul SIGHUP reloads, SIGINT leaves
// (skip_leave_on_interrupt turns that off) and SIGTERM stops (leave_on_terminate makes it
// leave). Restart all servers at once with the leaving signal, and each takes itself out
// of the list until nobody is left to elect. So this package handles no signal. Let every
// signal stop, and leave only where a person asked for it.
//
// # What failed and left prove
//
//	alive     it answers discovery. Not that raft works, nor that it is who its address says
//	unknown   nothing. A server just restarted does not know those that failed before
//	failed    it does not answer discovery's probes: dead, cut off, or only discovery is.
//	          Serf forgets it after a day (reconnect_timeout); then it is unknown
//	leaving   it said that it will go; it may be stuck there
//	left      it said goodbye, or somebody said so for it: force-leave makes failed left,
//	          and finds only members that Serf still remembers
//
// In Consul's catalog, a failed server stays with a critical serfHealth check; one that
// left is gone.
//
// # What serf/local.snapshot tells
//
// It is Serf's journal of this server's own view: who was seen alive, at which address,
// who was seen to fail or go, and the clocks of its messages. Read it to learn what this
// server last knew and in which order. It is no list of voters. It holds clients too,
// differs from server to server, and is compacted. raft's list is in raft's log and
// snapshots (once in raft/peers.json). The two may have no server in common. The voters
// are those of raft's list, whoever is a member of Serf.
//
// # Modes of bootstrap
//
//	mode           who elects                    danger
//	bootstrap      this server, alone, at once   two of them are two clusters, which can see
//	                                             each other as members and never become one
//	expect N       nobody, until N servers are   N counted from failed ones, clients or another
//	               there                         cluster; a different N, or list, on each
//	initialized    whoever the stored list says  none: expect is not looked at again. A list of
//	                                             gone servers has no quorum
//	added          nobody; it waits to be added  added while it has a state of its own,
//	                                             two histories become one, silently
//	peers.json     whoever the file says         a file on some servers only, or one entry each
//
// A server that left must not come back blank at its old address while a voter that was
// cut off may still have it in its list: it would vote for that one.
//
// Add a server as a nonvoter first, as the [Reconciler] does: a blank server that is already
// a voter elsewhere is taken for one that lost its disk, and waits.
//
// # What it cannot do
//
// Two groups of blank servers whose discoveries never show each other are two clusters if
// Expect is not above half of the servers. hashicorp/raft has no cluster id: without
// Policy.ClusterID, servers of another cluster are known by their lists alone. The log does
// not say what was acknowledged: [PlanRecovery] says lossless only where every possible
// quorum left a trace among the survivors.
package peers
