// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// When to look again: soon when it is this server's own move, slowly when others have to
// do something.
const (
	bootSoon = 100 * time.Millisecond
	bootWait = time.Second
)

// BootPlan decides what a server does with its stores before raft starts. It is
// deterministic: no clock, no I/O.
//
//	stores  peers.json  others                                     verdict
//	state   none        whatever they say                          start
//	state   valid       no leader, no other digest                 recover
//	state   valid       a leader, or a different digest or list    refuse
//	blank   any         whatever they say                          refuse; the file stays
//	any     invalid     whatever they say                          refuse; the file stays
//	blank   none        state, and this server has a vote there    wait: it lost its disk
//	blank   none        a leader and a quorum list a nonvoter      start, and be replicated to
//	blank   none        state                                      wait to be added
//	blank   none        all expected ones blank, and of one mind   bootstrap
//	blank   none        too few, silent, or of two minds           wait
//
// A server that lost its disk waits and is not refused: while raft does not run it
// cannot vote, and a leader that sees it answer without state takes its vote away, after
// which it may start. A refusal would need a person for what heals by itself.
func BootPlan(in BootInput) Verdict {
	p := bootPlan{in: in, v: Verdict{Offer: in.Offer}}
	p.listen()
	switch {
	case in.Pending != nil:
		p.takeIn()
	case in.Local.HasState:
		p.start()
	default:
		p.blank()
	}
	return p.v
}

// bootPlan is a decision under way.
type bootPlan struct {
	in     BootInput
	v      Verdict
	heard  []Reply // of our cluster, from who was asked, by id
	stated []Reply // those of heard that have state
	leader *Reply  // the one with the greatest term of those that say they lead
}

func (p *bootPlan) find(c Code, s Severity, id raft.ServerID, advice, format string, args ...any) {
	p.v.Findings = append(p.v.Findings, Finding{Code: c, Severity: s, Server: id, Detail: fmt.Sprintf(format, args...), Advice: advice})
}

func (p *bootPlan) decide(a Action, format string, args ...any) {
	p.v.Action, p.v.Reason = a, fmt.Sprintf(format, args...)
	if a == ActWait {
		p.v.Retry = bootWait
	}
}

// listen sorts the replies: who is ours, who has state, who leads.
func (p *bootPlan) listen() {
	if p.in.ViewErr != nil {
		p.find(BootSourceFails, Warning, "", "look at the source of the members", "discovery could not be asked: %v", p.in.ViewErr)
	}
	for _, id := range slices.Sorted(maps.Keys(p.in.Replies)) {
		r := p.in.Replies[id]
		switch {
		case r.ID != id:
			p.find(BootImpostor, Critical, id, "correct the address in discovery", "%q answers where it should be", string(r.ID))
			continue
		case contradicts(r.ClusterID, p.in.Local.ClusterID):
			p.find(BootForeign, Warning, id, "take it out of discovery, or correct the cluster ID",
				"it belongs to cluster %q, this server to %q; it does not count", r.ClusterID, p.in.Local.ClusterID)
			continue
		}
		p.heard = append(p.heard, r)
		if r.HasState || r.Running {
			p.stated = append(p.stated, r)
		}
		if r.Leading && (p.leader == nil || r.Term > p.leader.Term) {
			p.leader = &r
		}
	}
}

// contradicts is for cluster IDs: one that is not known contradicts nothing.
func contradicts(a, b string) bool { return a != "" && b != "" && a != b }

// start is for a disk that holds state: it wins over everything else. What others say
// makes findings.
func (p *bootPlan) start() {
	me := p.in.Local
	p.decide(ActStart, "the stores hold state up to index %d of term %d: raft goes on from there", me.LastIndex, me.LastTerm)
	if me.Expect > 0 {
		p.find(BootExpect, Info, "", "", "bootstrap-expect %d is ignored: there is state", me.Expect)
	}
	if len(me.Servers) == 0 {
		p.find(BootNoList, Warning, me.ID, "it follows once a leader reaches it; else recover with a peers.json",
			"its stores hold term %d and no list of servers: it cannot elect itself", me.Term)
		return
	}
	for _, r := range p.stated {
		p.compare(r)
	}
	if p.leader != nil && p.leader.Term >= me.Term && !lists(p.leader.Servers, me.ID) {
		p.find(BootStale, Critical, me.ID, "stop it and wipe its directory, or let it be added again",
			"it was removed: leader %q has no such server in its list of index %d; what this server holds may be old",
			string(p.leader.ID), p.leader.ConfigIndex)
	}
}

// compare finds where the list of a server with state differs from ours.
func (p *bootPlan) compare(r Reply) {
	me := p.in.Local
	mine, its := me.Config(), r.Config()
	switch {
	case its.IsZero() || its == mine:
	case me.ConfigIndex > 0 && r.ConfigIndex == me.ConfigIndex:
		p.find(BootConflict, Critical, r.ID, "two clusters were bootstrapped, or only some servers recovered: stop one side",
			"its list %s and ours %s are both of index %d", its, mine, me.ConfigIndex)
	default:
		p.find(BootDiffers, Info, r.ID, "", "its list %s is of index %d, ours %s of index %d", its, r.ConfigIndex, mine, me.ConfigIndex)
	}
}

// blank is for stores that hold nothing.
func (p *bootPlan) blank() {
	switch {
	case p.follow():
	case len(p.stated) > 0:
		p.join()
	case p.in.ViewErr != nil:
		p.decide(ActWait, "discovery could not be asked, and nothing is bootstrapped on guesses")
	case p.in.Local.Expect == 0:
		p.decide(ActWait, "waiting to be added to a cluster: without bootstrap-expect this server never makes one")
	default:
		p.expect()
	}
}

// join is for a blank server that finds a cluster. Started without a list it cannot
// elect itself, but it grants votes to whoever lists it. So it starts only once the
// entry that makes it a nonvoter is on a quorum: those do not vote for an older log, and
// the rest together with this server are no quorum of any list.
func (p *bootPlan) join() {
	id := p.in.Local.ID
	if p.leader != nil && lists(p.leader.Servers, id) && !votesIn(p.leader.Servers, id) {
		tally := Tally{}
		for _, s := range p.leader.Servers {
			if s.Suffrage != raft.Voter {
				continue
			}
			tally.Voters++
			r, ok := p.in.Replies[s.ID]
			if ok && r.ID == s.ID && lists(r.Servers, id) && !votesIn(r.Servers, id) {
				tally.Live++
			}
		}
		if tally.Live >= tally.Quorum() {
			p.decide(ActStart, "leader %q lists this server as a nonvoter: it starts blank and is replicated to", string(p.leader.ID))
			return
		}
		p.decide(ActWait, "leader %q lists this server as a nonvoter, and %d of the %d voters that it takes: waiting for the others",
			string(p.leader.ID), tally.Live, tally.Quorum())
		return
	}
	for _, r := range p.stated {
		if votesIn(r.Servers, id) {
			p.find(BootAmnesia, Critical, id, "if its disk is lost, the leader takes its vote away and it starts; else mount the disk and restart",
				"its stores are empty, and it is a voter in the list of %q: it has forgotten its votes, so it must not vote", string(r.ID))
			p.decide(ActWait, "this server lost its state and must not vote: waiting until a leader lists it as a nonvoter")
			return
		}
	}
	p.decide(ActWait, "%q has state and does not list this server: waiting to be added as a nonvoter", string(p.stated[0].ID))
}
