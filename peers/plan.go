// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// maxThen bounds the forecast. What follows later is seen when it is near.
const maxThen = 16

// Plan is the next change towards what the policy wants, and why not more. It depends on
// s alone: no clock, no I/O, no chance, and not the order of anything in s. It does not
// change s, and what it returns shares nothing with s. A list that is as it should be
// has a Plan without a Next.
//
// The order is: repair what the list says of those in it, add, then promote, and take
// away last, so that who is to replace a dead voter is there before that is removed.
func (p Policy) Plan(s State) Plan {
	p = p.withDefaults()
	plan := p.decide(&s, s.Servers, false)
	plan.Then = p.forecast(s, plan.Next)
	return plan
}

// decide is Plan without its forecast. base is the list that the replies speak of.
func (p Policy) decide(s *State, base []raft.Server, quiet bool) Plan {
	x := look(p, s, base, quiet)
	x.out.Base, x.out.Tally = s.ConfigIndex, x.tally
	if !quiet {
		x.out.Digest = DigestOf(s.Servers)
		x.report()
	}
	if x.sound() {
		x.reassert()
		x.readdress()
		x.park()
		x.demote()
		x.add()
		x.promote()
		x.removeDead()
		x.removeLeavers()
	}
	x.arrange()
	return x.out
}

// sound reports whether this server may decide about this list at all.
func (x *picture) sound() bool {
	if x.broken {
		x.find(CodeDuplicate, Critical, "", "nothing is changed; compare the lists of all servers", "an id is in the list twice")
	}
	if x.local == nil {
		x.find(CodeNotVoter, Critical, x.s.Local, "nothing is changed; ask the server that leads", "it has no vote in this list, so it cannot lead")
	}
	return x.local != nil && !x.broken
}

// arrange puts what is said into an order that does not depend on that of the input.
func (x *picture) arrange() {
	slices.SortStableFunc(x.out.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Detail, b.Detail))
	})
}

// find adds a finding.
func (x *picture) find(code Code, severity Severity, id raft.ServerID, advice, detail string, args ...any) {
	if !x.quiet {
		x.out.Findings = append(x.out.Findings, Finding{Code: code, Severity: severity, Server: id, Detail: fmt.Sprintf(detail, args...), Advice: advice})
	}
}

// block says that c is wanted and not made.
func (x *picture) block(c Change, code Code, why string) {
	if !x.quiet {
		c.Before, c.After = x.tally, x.after(c)
		x.out.Blocked = append(x.out.Blocked, Blocked{Change: c, Code: code, Why: why})
	}
}

// propose makes c the next change, unless another one comes first, or it is not safe.
func (x *picture) propose(c Change) {
	c.Before, c.After = x.tally, x.after(c)
	if code, why := x.unsafe(c); code != "" {
		x.block(c, code, why)
	} else if x.out.Next == nil {
		x.out.Next = &c
	}
}

// after counts the list that c makes, with what is known now: nobody counts as live
// because of c but a proven server that gets a vote.
func (x *picture) after(c Change) Tally {
	t := x.tally
	e := x.peerOf(c.Server.ID)
	switch {
	case e == nil || c.Op == Handover || c.Op == Reassert:
	case c.Op == Promote:
		t.Voters++
		t.Live++
	case e.Suffrage != raft.Voter:
	case c.Op == Demote || c.Op == Remove:
		t.Voters--
		if e.live {
			t.Live--
		}
	case c.Op == Park && e.live:
		t.Live--
	case c.Op == Readdress && e.fault == CodeInTheWay && e.silence == 0:
		t.Live++
	}
	return t
}

func (x *picture) peerOf(id raft.ServerID) *peer {
	if i, ok := x.at[id]; ok {
		return &x.peers[i]
	}
	return nil
}

// unsafe is what must hold for every change, whatever it is made for.
func (x *picture) unsafe(c Change) (Code, string) {
	b, a := c.Before, c.After
	if b.Slack() < 0 {
		return CodeNoQuorum, fmt.Sprintf("%d of %d voters are live, %d are needed: nothing can be committed", b.Live, b.Voters, b.Quorum())
	}
	if a.Slack() < 0 {
		return CodeNoQuorum, fmt.Sprintf("%d of %d voters would be live, and %d needed", a.Live, a.Voters, a.Quorum())
	}
	if a.Voters < b.Voters && a.Voters < x.p.MinVoters {
		return CodeMinVoters, fmt.Sprintf("%d voters would be left, and at least %d must be", a.Voters, x.p.MinVoters)
	}
	if a.Slack() < b.Slack() && c.Op != Park && c.Code != CodeLeaving {
		return CodeSlack, fmt.Sprintf("%d more voters may fail now, and %d could after it", b.Slack(), a.Slack())
	}
	return "", ""
}

// pick are the peers that f wants, by id; nil without an allocation if there are none.
func pick(peers []peer, f func(*peer) bool) []*peer {
	var picked []*peer
	for i := range peers {
		if f(&peers[i]) {
			picked = append(picked, &peers[i])
		}
	}
	slices.SortFunc(picked, func(a, b *peer) int { return cmp.Compare(a.ID, b.ID) })
	return picked
}

// reassert writes the list once more after a recovery: until an entry holds it, a server
// that was not recovered keeps the old list and may elect with others that do (X8).
func (x *picture) reassert() {
	if x.s.Recovered {
		x.propose(Change{Op: Reassert, Server: x.local.Server, Was: x.local.Server, Code: CodeRecovered, Reason: "so that every server has the recovered list"})
	}
}
