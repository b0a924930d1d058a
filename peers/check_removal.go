// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"time"

	"github.com/hashicorp/raft"
)

// removalWindow, times RemovalEvery, is what a minority of removals may happen in.
const removalWindow = 10

func (j *judge) demotes(c Change) *refusal {
	if r := sameBut(c, raft.Nonvoter); r != nil {
		return r
	}
	r, _ := j.reply(c.Server.ID)
	switch {
	case c.Server.ID == j.state.Local:
		return refuse(invLeader, "the leader does not demote itself")
	case !j.lostDisk(c.Server.ID):
		return refuse(invWitnesses, "it did not say that it lost its disk: state %t, %d entries of %d", r.HasState, r.LastIndex, j.state.Known[c.Server.ID])
	}
	return nil
}

func (j *judge) removes(c Change) *refusal {
	switch {
	case c.Server != c.Was:
		return refuse(invOneEntry, "a removal shows the server as it was")
	case c.Server.ID == j.state.Local:
		return refuse(invLeader, "the leader does not remove itself: hand over first")
	case !j.leavers[c.Server.ID]:
		return j.expels(c)
	case c.Was.Suffrage != raft.Voter:
		return nil
	}
	r := j.maySpare(c.Server.ID)
	if r != nil && j.expels(c) == nil {
		return nil // it asked to leave, and is dead besides
	}
	return r
}

// expels judges a removal that nobody asked for.
func (j *judge) expels(c Change) *refusal {
	if why := j.against(c.Server.ID); why != "" {
		return refuse(invWitnesses, "%s", why)
	}
	if r, answered := j.state.Replies[c.Server.ID]; answered {
		return refuse(invWitnesses, "%q answers at its address, whatever the witnesses say", string(r.ID))
	}
	if j.policy.TargetVoters == 0 {
		return refuse(invSize, "without TargetVoters nothing is taken away automatically")
	}
	if c.Was.Suffrage != raft.Voter {
		return nil
	}
	if voters, dead := j.voters(), j.dead(); voters%2 == 1 && (dead < 2 || voters-2 < j.policy.MinVoters) {
		return refuse(invSize, "%d voters with %d dead: one less would tolerate no more failures", voters, dead)
	}
	return j.takesVote(c)
}

// takesVote is what stands against any vote less that nobody asked for.
func (j *judge) takesVote(c Change) *refusal {
	switch {
	case j.policy.TargetVoters == 0:
		return refuse(invSize, "without TargetVoters nothing is taken away automatically")
	case j.aliases:
		return refuse(invAddress, "an address is in the list twice: it is not known who lives")
	case j.state.Leading < j.policy.DeadAfter:
		return refuse(invRate, "this leader leads for %s, want %s", j.state.Leading, j.policy.DeadAfter)
	}
	return firstOf(c, j.leavesEnough, j.calm, j.spaced)
}

func (j *judge) leavesEnough(Change) *refusal {
	if voters := j.voters(); voters-1 < j.policy.MinVoters {
		return refuse(invSize, "%d voters would be left, want %d", voters-1, j.policy.MinVoters)
	}
	return nil
}

func (j *judge) calm(Change) *refusal {
	voters, suspects := j.voters(), j.suspects()
	if most := (voters - 1) / 2; suspects > most {
		return refuse(invBreaker, "%d of %d voters look dead at once, believed are at most %d", suspects, voters, most)
	}
	return nil
}

// spaced: whatever the evidence, a minority in a while, and one at a time.
func (j *judge) spaced(Change) *refusal {
	every, recent := j.policy.RemovalEvery, 0
	for _, at := range j.state.Removals {
		age := j.state.Now.Sub(at)
		if age < every {
			return refuse(invRate, "the last removal was %s ago, want %s", age, every)
		}
		if age < removalWindow*every {
			recent++
		}
	}
	before := j.voters() + recent
	if most := (before - 1) / 2; recent+1 > most {
		return refuse(invRate, "%d voters of %d went in %s, want at most %d", recent, before, time.Duration(removalWindow)*every, most)
	}
	return nil
}

// leaves: the change is somebody's wish, which may cost slack down to MinSlack.
func (j *judge) leaves(c Change) bool {
	return c.Op == Remove && j.leavers[c.Server.ID]
}

// maySpare is the guard of a leave. All who leave at the same time are counted as gone,
// or a parallel restart of everybody would empty the list one by one.
func (j *judge) maySpare(id raft.ServerID) *refusal {
	left := j.voters() - 1
	if left < j.policy.MinVoters {
		return refuse(invSize, "%d voters would be left, want %d", left, j.policy.MinVoters)
	}
	var staying []raft.Server
	for _, e := range j.state.Servers {
		if e.ID != id && !j.leavers[e.ID] {
			staying = append(staying, e)
		}
	}
	if t := (Tally{Voters: left, Live: j.tally(staying).Live}); t.Slack() < j.policy.MinSlack {
		return refuse(invSlack, "without it and all who leave, %d of %d voters live: slack %d, want %d", t.Live, t.Voters, t.Slack(), j.policy.MinSlack)
	}
	return nil
}
