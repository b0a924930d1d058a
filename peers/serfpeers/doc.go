// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package serfpeers shows package peers the servers that hashicorp/serf knows, as
// evidence: nothing is concluded from what Serf has forgotten, has not seen yet, or was
// told by somebody else.
//
// It differs from a loop over Serf's events in that Serf never waits for it, that a lost
// event loses no server, and that a member that Serf reaps does not vanish without a
// trace: today's reconcilers take such a server for one that never was, or, worse, for
// one that is gone.
//
// # Usage
//
// A Source stands between Serf and a Reconciler:
//
//	source, err := serfpeers.New(serfpeers.Config{Cluster: "prod"})
//	wg.Go(func() { runErr = source.Run(ctx) })
//	err = source.Listen(serfConf) // sets EventCh; or call source.Observe from a loop of your own
//	sf, err := serf.Create(serfConf)
//	err = source.Attach(sf)
//
// Every server sets the tags role=server, cluster, id and port ([Config] can name others);
// with a peers.Policy that has a ClusterID, the tag cluster says the same.
//
// # Guarantees
//
// Each is tested by the test that carries its number.
//
//  1. Serf never waits for a Source. From Run on its events are received, for the life
//     of Serf: with nobody who reads Changes or calls View, and after Run has returned.
//     Before Run 1,024 events fit, beside the 1,024 that Serf itself keeps.
//  2. A View is level-triggered and complete: it is of a look at Serf's list that
//     began after View was called, whatever events were lost or are on their way.
//     Changes hints whenever a view differs from the last one.
//  3. Absent, failed, leaving and left are told apart, and Since is when this Source
//     first saw it so. It does not move while nothing changes, nor when Serf forgets.
//  4. A server that Serf reaps is shown as it was then, Failed or Left, for 2 x
//     AbsentAfter, although no force-leave can see it any more. Then it is absent.
//  5. Left is Forced unless the goodbye was seen: the member was alive right before,
//     by Serf's events in their order, or Leaving, by a look, where no events came. So it
//     is Forced while the event is on its way.
//     Where Serf may have dropped events, no goodbye is concluded from them.
//  6. A View is Warm only when this server saw itself alive in it, as a server, and
//     another member, or Solo, has been known for AbsentAfter without a gap in looking.
//  7. Members are servers of this cluster and nothing else: no clients, no servers of
//     other clusters. One that turns into a client, or into another cluster's, is
//     Left. One whose tags are broken is left out, and named in the log, once.
//  8. One ID is one member, the one that lives, unless two live with it at once: then
//     both are shown.
//  9. Every wait ends with its context, also while Serf's member lock is stuck, and
//     the error says who is waited for. When Serf has shut down, or Run has returned,
//     View returns an error and no view.
//
// # What Serf's statuses prove
//
//	alive     other nodes probe it and are answered; raft may be down on it
//	leaving   somebody said that it will leave, most likely itself; Serf does not say who
//	failed    it does not answer Serf; it may answer raft
//	left      it said goodbye, or with Forced, an operator or autopilot said so for it
//	absent    it was reaped, or never seen: a restarted node does not know what failed
//	          before it started
//
// A force-leave of a member that still answers here shows as Leaving until that member
// refutes it. If it is cut off in that moment it becomes Left, and looks like a goodbye:
// Serf's message does not say who sent it. A goodbye that arrives after the failure looks
// forced. That is why no server is removed on this witness alone (package peers).
//
// consul#13379: a member can stay Leaving on some nodes for ever. Its Since does not
// move, so whoever plans can see how old that is.
package serfpeers
