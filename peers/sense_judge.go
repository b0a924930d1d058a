// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// weigh judges every server of the list.
func (x *picture) weigh() {
	absent, voters := 0, 0
	for i := range x.peers {
		if x.peers[i].Suffrage == raft.Voter {
			voters++
			if x.peers[i].member == nil {
				absent++
			}
		}
	}
	if i, ok := x.at[x.s.Local]; ok {
		m := x.peers[i].member
		x.witness = x.s.View.Warm && m != nil && m.Health == Alive
	}
	x.absence = x.witness && 2*absent <= voters
	for i := range x.peers {
		e := &x.peers[i]
		e.suspect = x.dead(e)
		if e.Suffrage == raft.Voter && e.ID != x.s.Local {
			e.fault = x.faultOf(e)
		}
		e.live = e.Suffrage == raft.Voter && e.fault == "" && e.silence == 0
	}
	if x.local != nil {
		x.local.live, x.local.silence = true, 0
	}
}

// separate lets one of several voters with one address count: there is one process, and
// raft takes its word for each of them (experiment Q1).
func (x *picture) separate() {
	if !x.aliases {
		return
	}
	first, voter := map[string]*peer{}, map[string]*peer{}
	if x.local != nil {
		voter[x.local.endpoint] = x.local
	}
	for _, e := range pick(x.peers, func(*peer) bool { return true }) {
		if other := first[e.endpoint]; other == nil {
			first[e.endpoint] = e
		} else {
			x.find(CodeDuplicate, Critical, e.ID, "find out who is there and remove the other by hand; no vote is taken away meanwhile", "it and %q have one address, %q: one process answers for both", other.ID, e.endpoint)
		}
		if !e.live {
			continue
		}
		if other := voter[e.endpoint]; other == nil {
			voter[e.endpoint] = e
		} else if other != e {
			e.live = false
		}
	}
}

// count makes the tally.
func (x *picture) count() {
	for i := range x.peers {
		e := &x.peers[i]
		if e.Suffrage != raft.Voter {
			continue
		}
		x.tally.Voters++
		if e.live {
			x.tally.Live++
		}
		if e.suspect {
			x.suspects++
		}
		if e.removable() {
			x.removable++
		}
	}
}

// removable reports whether nothing speaks for e: one that answers is kept, whatever
// the witnesses say.
func (e *peer) removable() bool {
	return e.suspect && !e.answers && e.stranger == "" && !e.blocked
}

// faultOf says why a voter does not count as live whatever raft hears from its address.
func (x *picture) faultOf(e *peer) Code {
	switch {
	case e.stranger != "":
		return CodeWrongServer
	case x.foreign(e, true) != "":
		return CodeForeign
	case e.answers && (!x.reply(e).HasState || x.reply(e).LastIndex < x.s.Known[e.ID]):
		return CodeLostDisk
	case parked(e.Server):
		return CodeInTheWay
	}
	return ""
}

func parked(s raft.Server) bool { return strings.HasSuffix(string(s.Address), parkedSuffix) }

// foreign says how e belongs to another cluster; "": it does not, as far as is known.
func (x *picture) foreign(e *peer, listed bool) string {
	var member, reply string
	if e.member != nil {
		member = e.member.ClusterID
	}
	if e.answers {
		reply = x.reply(e).ClusterID
	}
	for _, pair := range [...][2]string{{x.p.ClusterID, member}, {x.p.ClusterID, reply}, {member, reply}} {
		if pair[0] != "" && pair[1] != "" && pair[0] != pair[1] {
			return fmt.Sprintf("its cluster ID is %q, not %q", pair[1], pair[0])
		}
	}
	switch r := x.reply(e); {
	case r == nil:
		return ""
	case r.ConfigIndex != 0 && r.ConfigIndex == x.s.ConfigIndex && !sameList(r.Servers, x.base):
		return fmt.Sprintf("at index %d it has list %v, and this server has %v", r.ConfigIndex, r.Config(), DigestOf(x.base))
	case !listed && r.HasState && bootstrapped(e.ID, r.Servers, x.at):
		return fmt.Sprintf("it is a voter of a list of its own (%v, %d servers), which has nobody of ours", r.Config(), len(r.Servers))
	}
	return ""
}

// sameList is equality of digests, without digests where servers are equal anyway.
func sameList(a, b []raft.Server) bool {
	return slices.Equal(a, b) || DigestOf(a) == DigestOf(b)
}

// bootstrapped reports whether id votes in servers, none of which but itself is ours.
func bootstrapped(id raft.ServerID, servers []raft.Server, ours map[raft.ServerID]int) bool {
	votes := false
	for _, s := range servers {
		if s.ID == id {
			votes = s.Suffrage == raft.Voter
		} else if _, ok := ours[s.ID]; ok {
			return false
		}
	}
	return votes
}

// dead reports whether raft and discovery both say that e is dead, each for long
// enough. Not being in the view is no evidence by itself: it needs a view that can judge
// and shows most voters, and a silence that is much longer.
func (x *picture) dead(e *peer) bool {
	if e.silence <= 0 || e.ID == x.s.Local || !x.witness || (e.member == nil && !x.absence) {
		return false
	}
	wait := x.p.DeadAfter - e.silence
	if e.member == nil {
		wait = max(wait, x.p.AbsentAfter-e.silence)
	} else {
		since := x.s.Now.Sub(e.member.Since)
		switch e.member.Health {
		case Failed, Left:
			wait = max(wait, x.p.DeadAfter-since)
		case Leaving: // for ever, on some servers: consul#13379
			wait = max(wait, x.p.AbsentAfter-since+1)
		default:
			return false
		}
	}
	if wait > 0 {
		x.wait(wait)
	}
	return wait <= 0
}

// unproven says why e, a nonvoter, may not vote yet; "": it may.
func (x *picture) unproven(e *peer) (Code, string) {
	r, m := x.reply(e), e.member
	switch {
	case e.blocked:
		return CodeDuplicate, "its id or its address is not its own alone"
	case e.stranger != "":
		return CodeWrongServer, fmt.Sprintf("%q answers in its place", e.stranger)
	case r == nil:
		return CodeNoReply, "it has not said who it is"
	}
	if how := x.foreign(e, true); how != "" {
		return CodeForeign, how
	}
	switch lag := x.s.LastIndex - min(x.s.LastIndex, r.LastIndex); {
	case !r.HasState:
		return CodeBlank, "its stores hold nothing yet"
	case !r.Running:
		return CodeNotRunning, "its raft does not run"
	case lag > x.p.MaxLag:
		return CodeLag, fmt.Sprintf("it lacks %d entries: it has %d of %d, at most %d may be missing", lag, r.LastIndex, x.s.LastIndex, x.p.MaxLag)
	case r.LastIndex < x.s.Known[e.ID]:
		return CodeLostDisk, fmt.Sprintf("its last index is %d, and was %d before", r.LastIndex, x.s.Known[e.ID])
	case e.silence > 0:
		return CodeNoContact, fmt.Sprintf("raft has had no answer for %v", e.silence)
	case e.target != e.endpoint || parked(e.Server):
		return CodeMoved, fmt.Sprintf("it is alive at %q", m.Address)
	}
	if age := x.s.Now.Sub(m.Since); age < x.p.StableFor {
		x.wait(x.p.StableFor - age)
		return CodeUnstable, fmt.Sprintf("it has been alive for %v, and must be for %v", age, x.p.StableFor)
	}
	return "", ""
}

// wait notes that d from now the plan may be another one.
func (x *picture) wait(d time.Duration) {
	if x.out.Recheck == 0 || d < x.out.Recheck {
		x.out.Recheck = d
	}
}
