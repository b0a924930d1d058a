// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "github.com/hashicorp/raft"

// unambiguous: of a server that is somewhere twice nothing is known.
func (j *judge) unambiguous(c Change) *refusal {
	if why := j.doubled[c.Server.ID]; why != "" {
		return refuse(invAddress, "%s", why)
	}
	return nil
}

func (j *judge) adds(c Change) *refusal {
	id := c.Server.ID
	r, answered := j.reply(id)
	switch {
	case c.Server.Suffrage != raft.Nonvoter:
		return refuse(invQuorum, "a newcomer has no vote until it is proven")
	case !answered:
		return refuse(invQuorum, "nobody answered with its id")
	case !r.Running && r.HasState:
		return refuse(invQuorum, "its raft does not run, and it is not blank")
	case j.leavers[id]:
		return refuse(invWitnesses, "it asked to leave")
	}
	return nil
}

// takesAddress: it was seen there, it answered from there, and nobody else claims it.
func (j *judge) takesAddress(c Change) *refusal {
	id, a := c.Server.ID, canonical(c.Server.Address)
	m, seen := j.members[id]
	_, answered := j.reply(id)
	other, taken := j.homes[a]
	_, _, err := splitAddress(string(c.Server.Address))
	switch {
	case !seen || m.Health != Alive || canonical(m.Address) != a:
		return refuse(invAddress, "discovery shows it %s at %q, not alive at %q", m.Health, string(m.Address), string(c.Server.Address))
	case !answered:
		return refuse(invAddress, "nobody answered with its id at %q", string(c.Server.Address))
	case taken && other != id:
		return refuse(invAddress, "%q is the address of %q", a, string(other))
	case len(j.claims[a]) > 1:
		return refuse(invAddress, "%d members claim %q", len(j.claims[a]), a)
	case err != nil || outOfTheWay(c.Server.Address):
		return refuse(invAddress, "%q cannot be dialled: %v", string(c.Server.Address), err)
	}
	return nil
}

func (j *judge) belongs(c Change) *refusal {
	if why := j.foreign(c.Server.ID); why != "" {
		return refuse(invCluster, "%s", why)
	}
	return nil
}

func (j *judge) promotes(c Change) *refusal {
	m := j.members[c.Server.ID]
	if r := sameBut(c, raft.Voter); r != nil {
		return r
	}
	a := canonical(c.Server.Address)
	voters, dead, target := j.voters(), j.dead(), j.policy.TargetVoters
	switch {
	case m.Health != Alive || m.Nonvoter || j.leavers[c.Server.ID]:
		return refuse(invWitnesses, "it wants no vote: %s, nonvoter %t, leaving %t", m.Health, m.Nonvoter, j.leavers[c.Server.ID])
	case canonical(m.Address) != a || len(j.claims[a]) > 1:
		return refuse(invAddress, "discovery shows it at %q, with %d members there", string(m.Address), len(j.claims[a]))
	case target > 0 && voters-dead >= target:
		return refuse(invSize, "%d voters, %d of them dead, are enough for %d", voters, dead, target)
	}
	return nil
}

// caughtUp makes a newcomer live: it counts in the quorum from the append on.
func (j *judge) caughtUp(c Change) *refusal {
	id := c.Server.ID
	r, answered := j.reply(id)
	stable := j.state.Now.Sub(j.members[id].Since)
	switch {
	case !answered || !r.Running:
		return refuse(invQuorum, "it does not answer that it runs")
	case !r.HasState || r.LastIndex < j.state.Known[id]:
		return refuse(invDisk, "it has %d entries and state %t, and once had %d", r.LastIndex, r.HasState, j.state.Known[id])
	case j.silence(id) > 0:
		return refuse(invQuorum, "raft has missed it for %s", j.silence(id))
	case j.state.LastIndex > r.LastIndex && j.state.LastIndex-r.LastIndex > j.policy.MaxLag:
		return refuse(invQuorum, "it lacks %d entries, want at most %d", j.state.LastIndex-r.LastIndex, j.policy.MaxLag)
	case stable < j.policy.StableFor:
		return refuse(invQuorum, "alive for %s, want %s", stable, j.policy.StableFor)
	}
	return nil
}

func (j *judge) readdresses(c Change) *refusal {
	switch {
	case c.Server.Suffrage != c.Was.Suffrage:
		return refuse(invOneEntry, "an address and a suffrage at once")
	case canonical(c.Server.Address) == canonical(c.Was.Address):
		return refuse(invNoOp, "it is at %q already", string(c.Was.Address))
	}
	return nil
}

// parks: the occupant is proven not to be where the list says, for another answers there.
func (j *judge) parks(c Change) *refusal {
	id, was := c.Server.ID, canonical(c.Was.Address)
	switch {
	case id == j.state.Local:
		return refuse(invLeader, "the leader does not park itself")
	case outOfTheWay(c.Was.Address):
		return refuse(invNoOp, "it is parked already")
	case c.Server.Suffrage != c.Was.Suffrage || !outOfTheWay(c.Server.Address):
		return refuse(invOneEntry, "parking changes an address to one that ends in %q and nothing else", parkedSuffix)
	case j.homes[canonical(c.Server.Address)] != "":
		return refuse(invAddress, "%q is taken", string(c.Server.Address))
	}
	claims := j.claims[was]
	if len(claims) != 1 || claims[0] == id || !j.proven(claims[0]) {
		return refuse(invAddress, "nobody else, and nobody alone, is proven to be at %q", was)
	}
	_, answers := j.reply(id)
	lost := !answers && (j.silence(id) > 0 || j.impersonated(id))
	if !lost && !j.moved(id) {
		return refuse(invWitnesses, "raft hears it, or it answers, and it has no new address")
	}
	return nil
}

// proven: the server itself answers, and is one of ours.
func (j *judge) proven(id raft.ServerID) bool {
	_, answered := j.reply(id)
	return answered && j.doubled[id] == "" && j.foreign(id) == ""
}

func (j *judge) moved(id raft.ServerID) bool {
	m, seen := j.members[id]
	return seen && m.Health == Alive && j.proven(id) && canonical(m.Address) != canonical(j.entries[id].Address)
}

// sameBut: only the vote changes.
func sameBut(c Change, to raft.ServerSuffrage) *refusal {
	votes, will := c.Was.Suffrage == raft.Voter, to == raft.Voter
	switch {
	case votes == will:
		return refuse(invNoOp, "it is a %s already", c.Was.Suffrage)
	case c.Server.Address != c.Was.Address || c.Server.Suffrage != to:
		return refuse(invOneEntry, "it is to be a %s at %q and nothing else", to, string(c.Was.Address))
	}
	return nil
}

func (j *judge) handsOver(c Change) *refusal {
	switch {
	case c.Server != c.Was:
		return refuse(invOneEntry, "a handover changes no entry")
	case !j.leavers[j.state.Local]:
		return refuse(invLeader, "%q leads and did not ask to leave", string(j.state.Local))
	case c.Server.ID == j.state.Local:
		return refuse(invNoOp, "it leads already")
	case c.Server.Suffrage != raft.Voter || !j.lives(c.Server) || j.leavers[c.Server.ID] || j.doubled[c.Server.ID] != "":
		return refuse(invLeader, "it cannot lead: voter %t, live %t, leaving %t", c.Server.Suffrage == raft.Voter, j.lives(c.Server), j.leavers[c.Server.ID])
	}
	return j.maySpare(j.state.Local)
}

func (j *judge) reasserts(c Change) *refusal {
	switch {
	case !j.state.Recovered:
		return refuse(invNoOp, "there was no recovery")
	case c.Server != c.Was || c.Server.ID != j.state.Local:
		return refuse(invOneEntry, "it is the entry of %q, as it is", string(j.state.Local))
	}
	return nil
}
