// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "fmt"

// takeIn is for a peers.json that waits. It is taken in whole, or refused with the
// reason; it is never repaired and never deleted.
func (p *bootPlan) takeIn() {
	file, me := p.in.Pending, p.in.Local
	refuse := func(advice, format string, args ...any) {
		detail := fmt.Sprintf(format, args...)
		p.find(BootPeersFile, Critical, "", advice, "%s: %s", file.Path, detail)
		p.decide(ActRefuse, "%s is not taken in, and stays where it is: %s; %s", file.Path, detail, advice)
	}
	if file.Err != nil {
		refuse("correct it, or move it away", "%v", file.Err)
		return
	}
	mine, listed := serverIn(file.Servers, me.ID)
	switch {
	case !me.HasState:
		refuse("if the disk is lost, move the file away and let the leader add this server; else mount the disk",
			"the stores of %q are empty, so that there is nothing to recover", string(me.ID))
	case !listed:
		refuse("add it, or move the file away", "%q, this server, is not in it", string(me.ID))
	case canonical(mine.Address) != canonical(me.Address):
		refuse("write the address that this server advertises", "it has %q at %q, and this server is at %q", string(me.ID), string(mine.Address), string(me.Address))
	case len(file.Servers) == 1 && !p.in.AllowSingle:
		refuse("list all servers, or set AllowSingle if this is meant",
			"it has a single entry: done on several servers, each becomes a leader of its own")
	case p.objected(refuse):
	default:
		p.v.Servers, p.v.Digest = file.Servers, DigestOf(file.Servers)
		p.decide(ActRecover, "%s replaces the list of servers with %s", file.Path, p.v.Digest)
		p.doubts()
	}
}

// objected refuses the file for what others say: there is a leader already, or somebody
// would go on with another list.
func (p *bootPlan) objected(refuse func(advice, format string, args ...any)) bool {
	want := DigestOf(p.in.Pending.Servers)
	if p.leader != nil {
		refuse("move the file away and start: the leader replicates to this server", "%q leads term %d", string(p.leader.ID), p.leader.Term)
		return true
	}
	for _, r := range p.stated {
		switch {
		case r.Running && r.Leader != "" && r.Leader != p.in.Local.ID:
			refuse("move the file away and start: the leader replicates to this server", "%q follows leader %q", string(r.ID), string(r.Leader))
		case r.Recovery == want:
			continue
		case !r.Recovery.IsZero():
			refuse("give all servers the same file, byte for byte",
				"its list is %s, and %q has a peers.json with %s", want, string(r.ID), r.Recovery)
		case r.Config() != want:
			refuse("stop it, and give it the same file",
				"its list is %s, and %q holds %s and has no peers.json", want, string(r.ID), r.Config())
		default:
			continue // it has taken in this very list
		}
		return true
	}
	return false
}

// doubts are what speaks against a recovery without forbidding it.
func (p *bootPlan) doubts() {
	file := p.in.Pending
	for _, id := range p.unasked() {
		if lists(file.Servers, id) {
			p.find(BootUnreachable, Warning, id, "compare the digest of its peers.json before it starts",
				"it is in the file and could not be asked (%v)", p.in.Unasked[id])
		}
	}
	for _, r := range p.heard {
		if !r.HasState && votesIn(file.Servers, r.ID) {
			p.find(BootAmnesia, Warning, r.ID, "list it as a nonvoter", "the file gives it a vote, and its stores are empty")
		}
	}
}
