// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"time"

	"github.com/hashicorp/raft"
)

// State is all that a decision rests on, gathered by the leader at one time. It is a
// value: [Policy.Plan] looks at nothing else.
type State struct {
	Now     time.Time     // all other times are compared with it
	Local   raft.ServerID // who looks, and leads
	Leading time.Duration // for how long it has led

	Servers     []raft.Server // the newest configuration, committed or not
	ConfigIndex uint64        // of its entry; every change names it (compare-and-swap)
	LastIndex   uint64

	View View

	// Contact is for how long raft has had no answer from a server of the list, by
	// its own heartbeats. A server that is not in it answers.
	Contact map[raft.ServerID]time.Duration

	// Replies are what the servers said of themselves, by the id that was asked for. A
	// reply whose own ID differs came from somebody else at that address.
	Replies map[raft.ServerID]Reply

	// Known is the greatest LastIndex that a server ever reported to this leader. One
	// that reports less has lost its disk.
	Known map[raft.ServerID]uint64

	// Leaving are servers that asked this one to be removed.
	Leaving []raft.ServerID

	Removals  []time.Time // when this leader removed or demoted voters, in any order
	Recovered bool        // this server went through a recovery, and its list is not in the log yet
}

// Plan is what a Policy makes of a State.
type Plan struct {
	Base     uint64    `json:"base"`   // ConfigIndex of the State
	Digest   Digest    `json:"digest"` // of its Servers
	Tally    Tally     `json:"tally"`
	Next     *Change   `json:"next"`              // nil: nothing to do now
	Then     []Change  `json:"then,omitempty"`    // what would follow, if all went well and nothing else changed
	Blocked  []Blocked `json:"blocked,omitempty"` // what is wanted, and why it is not done
	Findings []Finding `json:"findings,omitempty"`

	// Recheck is when to look again although nothing changes, because time alone may
	// change the plan; 0: it cannot.
	Recheck time.Duration `json:"recheck"`
}

// Blocked is a change that is wanted and not made.
type Blocked struct {
	Change Change `json:"change"`
	Code   Code   `json:"code"`
	Why    string `json:"why"`
}
