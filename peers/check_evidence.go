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

// judge holds a State by name, and what a second opinion concludes from it.
type judge struct {
	policy  Policy // with its defaults
	state   State
	entries map[raft.ServerID]raft.Server
	members map[raft.ServerID]Member
	doubled map[raft.ServerID]string   // why nothing is said of a server
	aliases bool                       // an address is in the list twice
	homes   map[string]raft.ServerID   // who is in the list at a canonical address
	claims  map[string][]raft.ServerID // alive members by canonical address
	leavers map[raft.ServerID]bool
	others  map[raft.ServerID]string // what foreign found
}

func newJudge(p Policy, s State) *judge {
	j := &judge{
		policy: p, state: s,
		entries: make(map[raft.ServerID]raft.Server, len(s.Servers)),
		members: make(map[raft.ServerID]Member, len(s.View.Members)),
		homes:   make(map[string]raft.ServerID, len(s.Servers)),
		claims:  make(map[string][]raft.ServerID, len(s.View.Members)),
		doubled: map[raft.ServerID]string{}, leavers: map[raft.ServerID]bool{},
		others: map[raft.ServerID]string{},
	}
	for _, e := range s.Servers {
		j.enter(e)
	}
	for _, m := range s.View.Members {
		if m.Health == Alive {
			a := canonical(m.Address)
			j.claims[a] = append(j.claims[a], m.ID)
		}
		if _, twice := j.members[m.ID]; twice {
			j.doubled[m.ID] = "its id is in the view twice"
			m = Member{ID: m.ID} // seen, and nothing known
		}
		j.members[m.ID] = m
	}
	for _, id := range s.Leaving {
		j.leavers[id] = true
	}
	for id := range s.Replies {
		if r, ok := j.reply(id); ok && r.Leaving {
			j.leavers[id] = true
		}
	}
	return j
}

func (j *judge) enter(e raft.Server) {
	a := canonical(e.Address)
	if other, taken := j.homes[a]; taken && other != e.ID {
		j.doubled[e.ID], j.doubled[other] = "its address is in the list twice", "its address is in the list twice"
		j.aliases = true
	}
	j.entries[e.ID], j.homes[a] = e, e.ID
}

// reply is what the server itself said; not what somebody else said in its place.
func (j *judge) reply(id raft.ServerID) (Reply, bool) {
	if r, ok := j.state.Replies[id]; ok && r.ID == id {
		return r, true
	}
	return Reply{}, false
}

func (j *judge) impersonated(id raft.ServerID) bool {
	r, ok := j.state.Replies[id]
	return ok && r.ID != id
}

// silence is how long raft has had no answer from it.
func (j *judge) silence(id raft.ServerID) time.Duration {
	if id == j.state.Local {
		return 0
	}
	return j.state.Contact[id]
}

// foreign is why a server belongs to another cluster; "": nothing says so.
func (j *judge) foreign(id raft.ServerID) string {
	why, asked := j.others[id]
	if !asked {
		why = j.contradiction(id)
		j.others[id] = why
	}
	return why
}

func (j *judge) contradiction(id raft.ServerID) string {
	r, _ := j.reply(id)
	names := [...]string{j.policy.ClusterID, j.members[id].ClusterID, r.ClusterID}
	for i, name := range names {
		for _, other := range names[:i] {
			if name != "" && other != "" && name != other {
				return fmt.Sprintf("it is of cluster %q, and of %q", name, other)
			}
		}
	}
	switch {
	case r.ConfigIndex != 0 && r.ConfigIndex == j.state.ConfigIndex && !slices.Equal(r.Servers, j.state.Servers) && r.Config() != DigestOf(j.state.Servers):
		return fmt.Sprintf("at index %d it has the list %s, and this server %s", r.ConfigIndex, r.Config(), DigestOf(j.state.Servers))
	case j.bootstrappedApart(id, r):
		return "it votes in a list that shares no server with this one"
	}
	return ""
}

// bootstrappedApart knows a newcomer that brings a cluster of its own: raft would take it
// in and the two logs would never agree (fact X9c: both apply, no error anywhere).
func (j *judge) bootstrappedApart(id raft.ServerID, r Reply) bool {
	if _, in := j.entries[id]; in || !r.HasState {
		return false
	}
	votes := false
	for _, e := range r.Servers {
		if _, shared := j.entries[e.ID]; shared {
			return false
		}
		votes = votes || e.ID == id && e.Suffrage == raft.Voter
	}
	return votes
}

// lostDisk is a voter's own admission: what it promised with its vote is gone.
func (j *judge) lostDisk(id raft.ServerID) bool {
	r, ok := j.reply(id)
	return ok && (!r.HasState || r.LastIndex < j.state.Known[id])
}

// outOfTheWay: at a placeholder, where nobody can be.
func outOfTheWay(a raft.ServerAddress) bool { return strings.HasSuffix(string(a), parkedSuffix) }

// lives: raft hears it, it is who it should be, and it still has what it voted for.
func (j *judge) lives(e raft.Server) bool {
	if e.ID == j.state.Local {
		return true
	}
	return j.silence(e.ID) <= 0 && !j.impersonated(e.ID) && !j.lostDisk(e.ID) && !outOfTheWay(e.Address) && j.foreign(e.ID) == ""
}

// tally counts live voters by address: two names of one process are one voter.
func (j *judge) tally(list []raft.Server) Tally {
	var t Tally
	at := make(map[string]bool, len(list))
	for _, e := range list {
		if e.Suffrage != raft.Voter {
			continue
		}
		t.Voters++
		if j.lives(e) {
			at[canonical(e.Address)] = true
		}
	}
	t.Live = len(at)
	return t
}
