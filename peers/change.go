// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "github.com/hashicorp/raft"

// Op is a kind of change to the list of servers.
type Op uint8

// The ops. Each but Handover is one entry of the log, with one server changed.
const (
	AddNonvoter Op = iota + 1 // a server that is not in the list; it costs no quorum
	Promote                   // a nonvoter that has caught up gets a vote
	Readdress                 // the same server at another address
	Park                      // Readdress to a placeholder, for one step of a swap
	Demote                    // a voter loses its vote and stays
	Remove                    // out of the list
	Handover                  // no entry: leadership goes to Server, so that it can change this one
	Reassert                  // the list as it is, once, after a recovery, so that everybody has it
)

var opNames = [...]string{
	AddNonvoter: "add", Promote: "promote", Readdress: "readdress", Park: "park",
	Demote: "demote", Remove: "remove", Handover: "handover", Reassert: "reassert",
}

// String is the op in lower case, such as "promote".
func (o Op) String() string {
	if o == 0 || int(o) >= len(opNames) {
		return "op(?)"
	}
	return opNames[o]
}

// MarshalText is String.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Tally counts the voters of a list, and those of them that are known to live.
type Tally struct {
	Voters int `json:"voters"`
	Live   int `json:"live"`
}

// Quorum is how many voters must agree.
func (t Tally) Quorum() int { return t.Voters/2 + 1 }

// Slack is how many more voters may fail before writes stop; negative: they have.
func (t Tally) Slack() int { return t.Live - t.Quorum() }

// Change is one step from one list of servers to the next.
type Change struct {
	Op     Op          `json:"op"`
	Server raft.Server `json:"server"` // as it is afterwards; of Remove, as it was
	Was    raft.Server `json:"was"`    // as it was; zero: not in the list
	Code   Code        `json:"code"`
	Reason string      `json:"reason"` // for people
	Before Tally       `json:"before"`
	After  Tally       `json:"after"`
}
