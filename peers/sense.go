// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// peer is one server, of the list or new, with the evidence about it.
type peer struct {
	raft.Server
	endpoint string        // canonical Address
	target   string        // the canonical address where it is Alive; "": it is not
	member   *Member       // nil: not in the view
	answers  bool          // there is a valid reply, from the server itself
	said     *Reply        // that reply, once it was looked at
	stranger raft.ServerID // who answered in its place; "": nobody
	silence  time.Duration // for how long raft has heard nothing
	blocked  bool          // its id or address is not its own alone: nothing is done to it
	leaving  bool
	suspect  bool // both witnesses call it dead
	live     bool // of a voter
	fault    Code // why it does not count as live whatever raft hears
}

// picture is a State with what follows from it about each server.
type picture struct {
	p     Policy // with its defaults
	s     *State
	base  []raft.Server         // the list that replies speak of; s.Servers is ahead of it in a forecast
	peers []peer                // the list, in its order
	at    map[raft.ServerID]int // of peers
	owner map[string]int        // of a canonical address, in peers; of several the first by id
	rest  []peer                // of the view, and not in the list, or not once; by id
	local *peer                 // nil: not a voter of the list

	tally     Tally
	suspects  int  // among the voters
	removable int  // of those, the ones that do not answer
	aliases   bool // some address is in the list twice
	broken    bool // some id is in the list twice
	witness   bool // the view may speak against somebody
	absence   bool // and not being in it counts

	replies []Reply // those that were looked at
	clashes []clash // found by readdress, for park
	quiet   bool    // a forecast: no words
	out     Plan
}

// look derives the picture. It does not change s.
func look(p Policy, s *State, base []raft.Server, quiet bool) *picture {
	x := &picture{p: p, s: s, base: base, quiet: quiet}
	x.list()
	x.attach()
	x.conflicts()
	x.ask()
	x.weigh()
	x.separate()
	x.count()
	return x
}

// list takes the servers of the list, and finds those that are in it twice.
func (x *picture) list() {
	n := len(x.s.Servers)
	x.peers = make([]peer, n)
	x.at, x.owner = make(map[raft.ServerID]int, n), make(map[string]int, n)
	for i, server := range x.s.Servers {
		e := &x.peers[i]
		e.Server, e.endpoint = server, canonical(server.Address)
		if first, twice := x.at[e.ID]; twice {
			e.blocked, x.peers[first].blocked, x.broken = true, true, true
		} else {
			x.at[e.ID] = i
		}
		first, twice := x.owner[e.endpoint]
		if twice {
			e.blocked, x.peers[first].blocked, x.aliases = true, true, true
		}
		if !twice || e.ID < x.peers[first].ID {
			x.owner[e.endpoint] = i
		}
		if e.ID == x.s.Local && e.Suffrage == raft.Voter {
			x.local = e
		}
	}
}

// attach brings the members of the view to their servers. An id that is in the view
// twice is not known to be anywhere.
func (x *picture) attach() {
	for i := range x.s.View.Members {
		m := &x.s.View.Members[i]
		at, listed := x.at[m.ID]
		switch {
		case m.ID == "":
			x.find(CodeBadMember, Warning, "", "give it the id that its raft has", "discovery shows a server at %q without an id", m.Address)
		case !listed:
			x.rest = append(x.rest, newcomer(m))
		case x.peers[at].member != nil:
			x.double(&x.peers[at], m)
		default:
			x.peers[at].member = m
		}
	}
	slices.SortStableFunc(x.rest, func(a, b peer) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Address, b.Address), a.member.Since.Compare(b.member.Since), cmp.Compare(a.member.Health, b.member.Health))
	})
	for i := 1; i < len(x.rest); i++ {
		if x.rest[i].ID == x.rest[i-1].ID {
			x.rest[i].blocked, x.rest[i-1].blocked = true, true
			if _, listed := x.at[x.rest[i].ID]; !listed {
				x.twice(x.rest[i].ID)
			}
		}
	}
}

// double forgets where e is: a second member has its id. Both still claim their addresses.
func (x *picture) double(e *peer, second *Member) {
	if !e.blocked || e.member.Health != Unknown {
		x.rest = append(x.rest, newcomer(e.member))
		x.twice(e.ID)
	}
	e.blocked, e.member = true, &Member{ID: e.ID}
	x.rest = append(x.rest, newcomer(second))
}

func newcomer(m *Member) peer {
	return peer{Server: raft.Server{ID: m.ID, Address: m.Address, Suffrage: raft.Nonvoter}, member: m}
}

func (x *picture) twice(id raft.ServerID) {
	x.find(CodeDuplicate, Critical, id, "find out which of them is a copy", "discovery shows the id more than once")
}

// conflicts gives each server that is Alive its target, and blocks those that claim the
// same one. A server that is where the list has it claims its address, too.
func (x *picture) conflicts() {
	claims := map[string][]*peer{} // without those in their places, which are most
	for i := range x.peers {
		x.peers[i].claim(claims)
	}
	for i := range x.rest {
		x.rest[i].claim(claims)
	}
	for target, all := range claims {
		if i, owned := x.owner[target]; owned && x.peers[i].resident() {
			all = append(all, &x.peers[i])
		}
		if len(all) < 2 {
			continue
		}
		ids := make([]string, len(all))
		for i, e := range all {
			e.blocked, ids[i] = true, string(e.ID)
		}
		slices.Sort(ids)
		x.find(CodeDuplicate, Critical, raft.ServerID(ids[0]), "find out who is there", "%q are all alive at %q", ids, target)
	}
}

func (e *peer) claim(claims map[string][]*peer) {
	if e.member == nil || e.member.Health != Alive {
		return
	}
	if e.target = e.endpoint; !e.resident() {
		e.target = canonical(e.member.Address)
		claims[e.target] = append(claims[e.target], e)
	}
}

// resident reports whether e is Alive where the list has it.
func (e *peer) resident() bool {
	return e.endpoint != "" && e.member != nil && e.member.Health == Alive &&
		(e.member.Address == e.Address || canonical(e.member.Address) == e.endpoint)
}

// ask brings replies, silence and the wish to leave to their servers.
func (x *picture) ask() {
	for i := range x.peers {
		x.attend(&x.peers[i])
	}
	for i := range x.rest {
		x.attend(&x.rest[i])
	}
}

func (x *picture) attend(e *peer) {
	e.silence = max(0, x.s.Contact[e.ID])
	e.leaving = slices.Contains(x.s.Leaving, e.ID)
	r, ok := x.s.Replies[e.ID]
	switch {
	case !ok:
	case r.ID != e.ID:
		e.stranger = r.ID
		x.find(CodeWrongServer, Critical, e.ID, "see which server has that address now; nothing but its address is changed", "%q answers in its place", r.ID)
	default:
		e.answers, e.leaving = true, e.leaving || r.Leaving
	}
}

// reply is what e said of itself; nil: nothing. Of most servers nobody asks more than
// whether they answer.
func (x *picture) reply(e *peer) *Reply {
	if e.answers && e.said == nil {
		if len(x.replies) == cap(x.replies) {
			x.replies = make([]Reply, 0, min(16, len(x.s.Replies))) // who points into the old one keeps it
		}
		x.replies = append(x.replies, x.s.Replies[e.ID])
		e.said = &x.replies[len(x.replies)-1]
	}
	return e.said
}
