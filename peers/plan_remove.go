// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// demote takes the votes of voters that have forgotten theirs: one that lost its disk
// may vote twice in a term, and count for entries that it no longer has (X15). That is
// its own word, so no second witness is needed. It stays, catches up, and votes again.
func (x *picture) demote() {
	for _, e := range pick(x.peers, func(e *peer) bool { return e.fault == CodeLostDisk }) {
		c := x.change(Demote, e, CodeLostDisk, "its stores lack what it had")
		if e.blocked {
			x.block(c, CodeDuplicate, "its id or its address is not its own alone")
		} else {
			x.take(c)
		}
	}
}

// take proposes to remove or demote a voter, if nothing of the whole group forbids it.
func (x *picture) take(c Change) {
	minority := (x.tally.Voters - 1) / 2
	switch {
	case x.p.TargetVoters == 0:
		x.block(c, CodeTarget, "Policy.TargetVoters is 0: no vote is taken away automatically; let the server leave")
	case x.suspects > minority:
		x.block(c, CodeMassSuspicion, fmt.Sprintf("%d of %d voters look dead, more than the %d that may at once", x.suspects, x.tally.Voters, minority))
	case x.aliases:
		x.block(c, CodeDuplicate, "an address is in the list twice: it is not known who lives")
	default:
		if code, why := x.tooSoon(); code != "" {
			x.block(c, code, why)
			return
		}
		x.propose(c)
	}
}

// windows is how many RemovalEvery long the time is in which at most a minority of the
// voters may go.
const windows = 10

// tooSoon is the rate limit. What leaders before this one removed it cannot know, so it
// waits first.
func (x *picture) tooSoon() (Code, string) {
	if wait := x.p.DeadAfter - x.s.Leading; wait > 0 {
		x.wait(wait)
		return CodeNewLeader, fmt.Sprintf("this server has led for %v, and must have for %v", x.s.Leading, x.p.DeadAfter)
	}
	every, window := x.p.RemovalEvery, windows*x.p.RemovalEvery
	var recent []time.Duration // ago
	for _, at := range x.s.Removals {
		if ago := x.s.Now.Sub(at); ago < window {
			recent = append(recent, ago)
		}
	}
	slices.Sort(recent)
	if len(recent) > 0 && recent[0] < every {
		x.wait(every - recent[0])
		return CodeRate, fmt.Sprintf("a voter was removed %v ago, and %v must be between two", recent[0], every)
	}
	if most := (x.tally.Voters + len(recent) - 1) / 2; len(recent) >= most {
		if len(recent) > 0 {
			x.wait(window - recent[len(recent)-1])
		}
		return CodeRate, fmt.Sprintf("%d voters were removed within %v, at most %d may be", len(recent), window, most)
	}
	return "", ""
}

// removeDead removes who both witnesses call dead: voters where that gains something,
// then nonvoters.
func (x *picture) removeDead() {
	for _, e := range pick(x.peers, func(e *peer) bool { return e.suspect && e.Suffrage == raft.Voter }) {
		c := x.change(Remove, e, CodeDead, x.evidence(e))
		if code, why := x.kept(e); code != "" {
			x.block(c, code, why)
		} else if odd := x.tally.Voters%2 == 1; odd && (x.removable < 2 || x.tally.Voters-2 < x.p.MinVoters) {
			x.block(c, CodeParity, fmt.Sprintf("%d voters instead of %d need as many to agree: it gains nothing; add a server to replace it", x.tally.Voters-1, x.tally.Voters))
		} else {
			x.take(c)
		}
	}
	for _, e := range pick(x.peers, func(e *peer) bool { return e.suspect && e.Suffrage != raft.Voter }) {
		c := x.change(Remove, e, CodeGoneSpare, x.evidence(e))
		if code, why := x.kept(e); code != "" {
			x.block(c, code, why)
		} else if x.p.TargetVoters == 0 {
			x.block(c, CodeTarget, "Policy.TargetVoters is 0: nothing is taken away automatically; let the server leave")
		} else {
			x.propose(c)
		}
	}
}

// kept says why e stays although both witnesses call it dead; "": nothing speaks for it.
func (x *picture) kept(e *peer) (Code, string) {
	switch {
	case e.blocked:
		return CodeDuplicate, "its id or its address is not its own alone"
	case e.stranger != "":
		return CodeWrongServer, fmt.Sprintf("%q answers in its place", e.stranger)
	case e.answers:
		return CodeAnswers, "it answers when it is asked"
	}
	return "", ""
}

// removeLeavers removes who asked for it, where that is safe. This server hands
// leadership over first, and its successor removes it: raft's own way is a gap of an
// election (U1: 2 s against 0.3 ms).
func (x *picture) removeLeavers() {
	for _, e := range pick(x.peers, func(e *peer) bool { return e.leaving }) {
		c := x.change(Remove, e, CodeLeaving, "it asked to be removed")
		v := x.verdict(e.ID)
		if to := x.peerOf(v.To); to != nil {
			c = x.change(Handover, to, CodeLeaving, fmt.Sprintf("so that it can remove %q, which asked for it", e.ID))
		}
		switch {
		case e.blocked:
			x.block(c, CodeDuplicate, "its id or its address is not its own alone")
		case v.Action != MayLeave:
			x.block(c, v.Code, v.Why)
		case e == x.local && c.Op != Handover:
			x.block(c, CodeNoSuccessor, "nobody who stays can be named to lead")
		default:
			x.propose(c)
		}
	}
}
