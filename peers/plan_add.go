// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// add takes newcomers in as nonvoters, which costs no quorum whatever they turn out to
// be. A voter that does not answer could end the cluster for good (X16).
func (x *picture) add() {
	for i := range x.rest {
		e := &x.rest[i]
		if x.doubled(i) || e.member.Health != Alive || e.leaving {
			continue
		}
		c := Change{Op: AddNonvoter, Server: e.Server, Code: CodeNewcomer, Reason: "alive, and not in the list"}
		advice := "it is added as soon as that is safe"
		if code, why := x.unknown(e); code != "" {
			x.block(c, code, why)
			advice = "it is not added: " + why
		} else if x.occupant(e) == nil {
			x.propose(c)
		}
		x.find(CodeMissing, Warning, e.ID, advice, "alive at %q for %v, and not in the list", e.Address, x.s.Now.Sub(e.member.Since))
	}
}

// doubled reports whether the id of rest[i] is somewhere else, too. What discovery shows
// under it is no newcomer.
func (x *picture) doubled(i int) bool {
	id := x.rest[i].ID
	_, listed := x.at[id]
	return listed || (i > 0 && x.rest[i-1].ID == id) || (i+1 < len(x.rest) && x.rest[i+1].ID == id)
}

// unknown says why e, which is not in the list, may not get into it; "": it may.
func (x *picture) unknown(e *peer) (Code, string) {
	switch {
	case e.blocked:
		return CodeDuplicate, "its id or its address is not its own alone"
	case e.stranger != "":
		return CodeWrongServer, fmt.Sprintf("%q answers in its place", e.stranger)
	case !e.answers:
		return CodeNoReply, "it has not said who it is"
	}
	if how := x.foreign(e, false); how != "" {
		return CodeForeign, how
	}
	if r := x.reply(e); r.HasState && !r.Running {
		return CodeNotRunning, "its raft does not run"
	}
	if _, _, err := splitAddress(string(e.Address)); err != nil || parked(e.Server) {
		return CodeBadAddress, fmt.Sprintf("%q cannot be dialled", e.Address)
	}
	return "", ""
}

// promote gives votes to proven servers: to all that want one, or up to the target.
// The zone with the fewest voters comes first.
func (x *picture) promote() {
	wanted := len(x.peers)
	if x.p.TargetVoters > 0 {
		wanted = x.p.TargetVoters - (x.tally.Voters - x.removable)
	}
	if wanted <= 0 {
		return
	}
	candidates := pick(x.peers, func(e *peer) bool {
		return e.Suffrage != raft.Voter && e.member != nil && e.member.Health == Alive && !e.member.Nonvoter && !e.leaving
	})
	if len(candidates) == 0 {
		return
	}
	zones := x.zones()
	slices.SortStableFunc(candidates, func(a, b *peer) int { return cmp.Compare(zones[a.member.Zone], zones[b.member.Zone]) })
	for _, e := range candidates {
		c := x.change(Promote, e, CodeCaughtUp, "alive, ours, and caught up")
		if code, why := x.unproven(e); code != "" {
			x.block(c, code, why)
		} else if wanted > 0 {
			wanted--
			x.propose(c)
		}
	}
}

// zones counts the voters of each zone that are not suspect.
func (x *picture) zones() map[string]int {
	zones := map[string]int{}
	for i := range x.peers {
		if e := &x.peers[i]; e.Suffrage == raft.Voter && !e.suspect && e.member != nil {
			zones[e.member.Zone]++
		}
	}
	return zones
}

// change is op on a server of the list.
func (x *picture) change(op Op, e *peer, code Code, reason string) Change {
	c := Change{Op: op, Server: e.Server, Was: e.Server, Code: code, Reason: reason}
	switch op {
	case Promote:
		c.Server.Suffrage = raft.Voter
	case Demote:
		c.Server.Suffrage = raft.Nonvoter
	}
	return c
}
