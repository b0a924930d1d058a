// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"slices"

	"github.com/hashicorp/raft"
)

// BootInput is all that a boot check rests on. It is a value: [BootPlan] looks at nothing
// else.
type BootInput struct {
	// Local is what this server says of itself: who it is, what its stores hold, and
	// for how many servers it waits. An Expect of 0 never bootstraps.
	Local Reply

	// Offer is what this server told others before Replies were asked for: the Offer of
	// the verdict before, or nothing.
	Offer Offer

	Pending     *Pending // the peers.json that waits; nil: none
	AllowSingle bool     // a peers.json with one entry is meant

	View    View
	ViewErr error // discovery could not be asked; View means nothing

	// Replies are the answers by the id that was asked for, and Unasked those that gave
	// none. A reply whose own ID differs came from somebody else.
	Replies map[raft.ServerID]Reply
	Unasked map[raft.ServerID]error
}

// Pending is a peers.json that waits to be taken in.
type Pending struct {
	Path    string
	Servers []raft.Server
	Err     error // why it cannot be taken in as it is; Servers mean nothing
}

// Offer is a promise. A blank server tells the digest of the servers it would bootstrap
// with, once it has seen each of them blank itself. From then on any of them may
// bootstrap on the strength of it, so that it binds this server until the others have
// let go, even after it was withdrawn.
//
// Two rules follow from that and make every bootstrap the same one. A server decides on
// answers that it asked for after it had made its offer, and does not change the offer
// between the decision and the act. And nobody makes a second offer before all servers
// of the first have answered, after it was withdrawn, blank and with another digest: who
// has decided on the first answers neither. So of two different lists that share a
// server, only one can have had its word. A server that sees the list of its own offer
// decided elsewhere follows: it has seen all of them blank, so it forgot nothing.
type Offer struct {
	Servers   []raft.Server `json:"-"`                   // sorted by id; nil: no promise
	Withdrawn bool          `json:"withdrawn,omitempty"` // no longer told to others
}

// IsZero reports whether nothing is promised.
func (o Offer) IsZero() bool { return len(o.Servers) == 0 }

// told is what others are to see of it.
func (o Offer) told() Digest {
	if o.Withdrawn {
		return Digest{}
	}
	return DigestOf(o.Servers)
}

// list is whom a bootstrap with this offer would hold: the n smallest ids.
func (o Offer) list(n int) []raft.Server {
	if n <= 0 || len(o.Servers) < n {
		return nil
	}
	return o.Servers[:n]
}

// serverIn finds id in servers.
func serverIn(servers []raft.Server, id raft.ServerID) (s raft.Server, listed bool) {
	i := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == id })
	if i < 0 {
		return raft.Server{}, false
	}
	return servers[i], true
}

func lists(servers []raft.Server, id raft.ServerID) bool {
	_, listed := serverIn(servers, id)
	return listed
}

// votesIn reports whether id is a voter of servers.
func votesIn(servers []raft.Server, id raft.ServerID) bool {
	s, listed := serverIn(servers, id)
	return listed && s.Suffrage == raft.Voter
}
