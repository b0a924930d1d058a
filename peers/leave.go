// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// LeaveAction is what a server that wants to leave for good should do.
type LeaveAction uint8

// The actions. What to stop and to leave means is in the package comment.
const (
	MustStay LeaveAction = iota // do neither: the others need it
	StopOnly                    // stop, and stay in the list
	MayLeave                    // be removed from the list, then stop
)

var leaveNames = [...]string{MustStay: "must stay", StopOnly: "stop only", MayLeave: "may leave"}

// String is the action in lower case.
func (a LeaveAction) String() string {
	if int(a) >= len(leaveNames) {
		return "action(?)"
	}
	return leaveNames[a]
}

// MarshalText is String.
func (a LeaveAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// LeaveVerdict is the answer to a server that wants to leave.
type LeaveVerdict struct {
	Action   LeaveAction   `json:"action"`
	To       raft.ServerID `json:"to,omitempty"` // who should lead first; "": nobody, the leaver does not lead
	Before   Tally         `json:"before"`
	After    Tally         `json:"after"` // without it; every other leaver counts as dead
	Code     Code          `json:"code"`
	Why      string        `json:"why"`
	Findings []Finding     `json:"findings,omitempty"`
}

// Leave says what happens if the server id leaves for good. A whole group that is told
// to stop looks like a group that leaves: so all others that said that they leave
// count as dead, and the list never gets shorter than MinVoters. Like Plan it depends
// on s alone.
func (p Policy) Leave(s State, id raft.ServerID) LeaveVerdict {
	x := look(p.withDefaults(), &s, s.Servers, false)
	if !x.sound() {
		x.arrange()
		first := x.out.Findings[0]
		return LeaveVerdict{Action: MustStay, Before: x.tally, After: x.tally, Code: first.Code, Why: first.Detail, Findings: x.out.Findings}
	}
	x.report()
	x.arrange()
	v := x.verdict(id)
	v.Findings = x.out.Findings
	return v
}

func (x *picture) verdict(id raft.ServerID) LeaveVerdict {
	e := x.peerOf(id)
	v := LeaveVerdict{Action: StopOnly, Before: x.tally, After: x.tally}
	switch {
	case e == nil:
		v.Code, v.Why = CodeNotListed, "it is not in the list: there is nothing to leave"
		return v
	case e.Suffrage != raft.Voter:
		v.Action, v.Code, v.Why = MayLeave, CodeLeaving, "it has no vote"
		return v
	}
	stayers := x.stayers(id)
	v.After = Tally{Voters: x.tally.Voters - 1, Live: len(stayers)}
	stopped := Tally{Voters: x.tally.Voters, Live: len(stayers)}
	switch {
	case v.After.Voters == 0:
		v.Code, v.Why = CodeLastVoter, "it is the only voter: without it there is no group"
	case v.After.Voters < x.p.MinVoters:
		v.Code, v.Why = CodeMinVoters, fmt.Sprintf("%d voters would be left, and at least %d must be", v.After.Voters, x.p.MinVoters)
	case v.After.Slack() >= x.p.MinSlack:
		v.Action, v.Code, v.Why = MayLeave, CodeLeaving, fmt.Sprintf("%d of %d voters stay live, and %d are needed", v.After.Live, v.After.Voters, v.After.Quorum())
		if e == x.local {
			v.To = x.successor(stayers)
		}
	default:
		v.Code = CodeMinSlack
		v.Why = fmt.Sprintf("%d of %d voters would be live, %d needed, and %d more must be able to fail", v.After.Live, v.After.Voters, v.After.Quorum(), x.p.MinSlack)
		if stopped.Slack() < 0 {
			v.Action = MustStay
		}
	}
	return v
}

// stayers are the live voters but id and all that leave.
func (x *picture) stayers(id raft.ServerID) []*peer {
	return pick(x.peers, func(e *peer) bool { return e.live && e.ID != id && !e.leaving })
}

// successor is who has the most entries of those that answered, else the first.
func (x *picture) successor(stayers []*peer) raft.ServerID {
	entries := func(e *peer) uint64 {
		if !e.answers {
			return 0
		}
		return x.reply(e).LastIndex
	}
	stayers = slices.DeleteFunc(slices.Clone(stayers), func(e *peer) bool { return e.blocked })
	if len(stayers) == 0 {
		return ""
	}
	return slices.MaxFunc(stayers, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(entries(a), entries(b)), cmp.Compare(b.ID, a.ID))
	}).ID
}
