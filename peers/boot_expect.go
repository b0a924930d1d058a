// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/raft"
)

// follow is for a server whose own offer was decided by another one.
func (p *bootPlan) follow() bool {
	list := p.in.Offer.list(p.in.Local.Expect)
	if !lists(list, p.in.Local.ID) {
		return false
	}
	var decided *Reply
	for _, r := range p.stated {
		switch {
		case r.ConfigIndex != 1:
		case r.Config() != DigestOf(list):
			return false // two bootstraps: this server must not take sides
		case lists(list, r.ID):
			decided = &r
		}
	}
	if decided == nil {
		return false
	}
	p.bootstrap(list)
	p.v.Reason += "; " + string(decided.ID) + " has done so"
	return true
}

func (p *bootPlan) bootstrap(list []raft.Server) {
	p.v.Servers, p.v.Digest = slices.Clone(list), DigestOf(list)
	p.decide(ActBootstrap, "the %d that are expected are blank and agree on list %s", len(list), p.v.Digest)
}

// expect is for servers that are all blank, as far as can be seen.
func (p *bootPlan) expect() {
	n := p.in.Local.Expect
	candidates, sure := p.candidates()
	offer := &p.v.Offer
	switch {
	case !sure:
		p.decide(ActWait, "%d servers are expected, and not all that are there can be counted", n)
		return
	case offer.IsZero():
	case DigestOf(offer.Servers) == DigestOf(candidates):
		p.agree()
		return
	case !offer.Withdrawn:
		offer.Withdrawn = true
		p.decide(ActWait, "the servers that are there have changed: starting over")
		p.v.Retry = bootSoon
		return
	}
	if !offer.IsZero() && !p.released() {
		p.decide(ActWait, "an earlier offer may have been taken up: waiting for its servers to let go")
		return
	}
	*offer = Offer{}
	if len(candidates) < n {
		p.decide(ActWait, "%d of the %d expected servers are there", len(candidates), n)
		return
	}
	offer.Servers = candidates
	p.decide(ActWait, "%d servers are there, %d are expected: asking whether they agree", len(candidates), n)
	p.v.Retry = bootSoon
}

// agree decides with the answers to this server's own offer.
func (p *bootPlan) agree() {
	me, offer := p.in.Local, p.v.Offer
	var differ []raft.ServerID
	for _, s := range offer.Servers {
		if s.ID != me.ID && p.in.Replies[s.ID].Candidates != DigestOf(offer.Servers) {
			differ = append(differ, s.ID)
		}
	}
	list := offer.list(me.Expect)
	switch {
	case offer.Withdrawn: // the others wait for this one to let go, or to come back
		p.v.Offer.Withdrawn = false
		p.decide(ActWait, "the servers that are there are those of an earlier offer: it holds again")
		p.v.Retry = bootSoon
	case len(differ) > 0:
		p.decide(ActWait, "%q have not yet offered the same %d servers (%s)", differ, len(offer.Servers), DigestOf(offer.Servers))
		p.v.Retry = bootSoon
	case !lists(list, me.ID):
		p.decide(ActWait, "the %d smallest ids bootstrap, and this server is not among them: waiting to be added", me.Expect)
	default:
		p.bootstrap(list)
	}
}

// released reports whether nobody can take up the withdrawn offer any more.
func (p *bootPlan) released() bool {
	free, old := true, DigestOf(p.v.Offer.Servers)
	for _, s := range p.v.Offer.Servers {
		if s.ID == p.in.Local.ID {
			continue
		}
		if r, ok := p.in.Replies[s.ID]; !ok || r.ID != s.ID || r.HasState || r.Candidates == old {
			free = false
			p.find(BootPromise, Warning, s.ID, "let it answer; or make sure that its stores are empty, and restart this server",
				"it may have bootstrapped with list %s, which this server had offered", old)
		}
	}
	return free
}

// candidates are the servers that a bootstrap could hold, sorted by id, with addresses in
// the one spelling that makes everybody's entry the same. sure means that nothing is
// known to be unknown: every member of our cluster that has not left has answered.
func (p *bootPlan) candidates() (list []raft.Server, sure bool) {
	me := p.in.Local
	list, sure = []raft.Server{{ID: me.ID, Address: raft.ServerAddress(canonical(me.Address))}}, true
	members := slices.SortedFunc(slices.Values(p.in.View.Members), func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	seen := map[raft.ServerID]bool{}
	for _, m := range members {
		switch {
		case contradicts(m.ClusterID, me.ClusterID):
			p.find(BootForeign, Warning, m.ID, "", "discovery says that it belongs to cluster %q; it does not count", m.ClusterID)
			continue
		case seen[m.ID]:
			sure = false
			p.find(BootAddress, Critical, m.ID, "give every server its own id", "discovery shows it twice")
			continue
		}
		seen[m.ID] = true
		if m.ID == me.ID {
			sure = p.isMe(m) && sure
			continue
		}
		counts, known := p.judge(m)
		sure = sure && known
		if counts {
			list = append(list, raft.Server{ID: m.ID, Address: raft.ServerAddress(canonical(m.Address))})
		}
	}
	slices.SortFunc(list, func(a, b raft.Server) int { return cmp.Compare(a.ID, b.ID) })
	return list, p.apart(list) && sure
}

// isMe checks what discovery says of this server itself.
func (p *bootPlan) isMe(m Member) bool {
	switch {
	case m.Nonvoter:
		p.find(BootExpect, Warning, m.ID, "unset one of the two", "discovery calls it a nonvoter, and it expects to bootstrap")
	case canonical(m.Address) != canonical(p.in.Local.Address):
		p.find(BootAddress, Critical, m.ID, "correct one of the two, or stop the other server of that id",
			"discovery shows it at %q, and it believes to be at %q", string(m.Address), string(p.in.Local.Address))
	default:
		return true
	}
	return false
}

// judge reports whether a member counts towards the expected number, and whether that can
// be known. One that is not alive does not count, but holds up the others while it may
// come back with state.
func (p *bootPlan) judge(m Member) (counts, known bool) {
	if m.Health == Left {
		return false, true
	}
	me := p.in.Local
	r, ok := p.in.Replies[m.ID]
	switch {
	case !ok:
		p.find(BootUnreachable, Warning, m.ID, "let it answer; or, if it is gone for good, make discovery say that it has left",
			"it is %s and could not be asked (%v): it may have state", m.Health, p.in.Unasked[m.ID])
		return false, false
	case r.ID != m.ID:
		return false, false // listen has said it
	case contradicts(r.ClusterID, me.ClusterID):
		return false, true
	case m.Health != Alive || m.Nonvoter || r.Leaving:
		return false, true
	case canonical(r.Address) != canonical(m.Address):
		p.find(BootAddress, Critical, m.ID, "correct one of the two",
			"discovery shows it at %q, and it believes to be at %q", string(m.Address), string(r.Address))
		return false, false
	case r.Expect != me.Expect:
		p.find(BootExpect, Critical, m.ID, "set the same bootstrap-expect on all servers", "it expects %d servers, this one %d", r.Expect, me.Expect)
		return false, false
	case !r.Recovery.IsZero():
		p.find(BootPeersFile, Critical, m.ID, "move its peers.json away, or mount its disk", "it has a peers.json and no state")
		return false, false
	}
	return true, true
}

// apart checks that no two candidates share an address: raft would count one process twice.
func (p *bootPlan) apart(list []raft.Server) bool {
	at := map[raft.ServerAddress]raft.ServerID{}
	for _, s := range list {
		if other, taken := at[s.Address]; taken {
			p.find(BootAddress, Critical, s.ID, "give every server its own address", "it is at %q, like %q", string(s.Address), string(other))
		}
		at[s.Address] = s.ID
	}
	return len(at) == len(list)
}

// unasked are the ids that gave no answer, sorted.
func (p *bootPlan) unasked() []raft.ServerID { return slices.Sorted(maps.Keys(p.in.Unasked)) }
