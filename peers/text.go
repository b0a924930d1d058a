// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/raft"
)

// String is the tally as live/voters, such as "3/4".
func (t Tally) String() string { return fmt.Sprintf("%d/%d", t.Live, t.Voters) }

// String is one line of a diff, with live/voters before and after it:
//
//	= n1 voter 10.0.0.1:8300                  a list that is written again
//	~ n2 10.0.0.2:8300 -> 10.0.0.9:8300       an address
//	+ n4 nonvoter                             a newcomer
//	~ n4 nonvoter -> voter                    a vote
//	- n5 voter                                gone
//	> n2 leads                                no change of the list
func (c Change) String() string {
	line := c.diff() + "   " + c.Before.String() + " -> " + c.After.String()
	if b, a := c.Before.Quorum(), c.After.Quorum(); a != b {
		line += fmt.Sprintf("   quorum %d -> %d", b, a)
	}
	return line
}

func (c Change) diff() string {
	id, is, was := quoted(string(c.Server.ID)), toWire(c.Server), toWire(c.Was)
	switch c.Op {
	case AddNonvoter:
		return "+ " + id + " " + is.Suffrage
	case Promote, Demote:
		return "~ " + id + " " + was.Suffrage + " -> " + is.Suffrage
	case Readdress, Park:
		return "~ " + id + " " + quoted(string(was.Address)) + " -> " + quoted(string(is.Address))
	case Remove:
		return "- " + id + " " + is.Suffrage
	case Handover:
		return "> " + id + " leads"
	case Reassert:
		return "= " + id + " " + is.Suffrage + " " + quoted(string(is.Address))
	}
	return "? " + id
}

// quoted is s, in quotes if it could be taken for something else on a terminal.
func quoted(s string) string {
	for _, r := range s {
		if r <= ' ' || r == '"' || r == '\\' || r > '~' {
			return strconv.QuoteToASCII(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// String is the plan as a diff: the next change, what would follow, then, each with its
// sign, what is not done ("!") and what was found ("#").
func (p Plan) String() string {
	var b strings.Builder
	if p.Next == nil {
		fmt.Fprintf(&b, "nothing to do   %v\n", p.Tally)
	} else {
		fmt.Fprintln(&b, p.Next)
	}
	for _, c := range p.Then {
		fmt.Fprintln(&b, c)
	}
	for _, blocked := range p.Blocked {
		fmt.Fprintln(&b, blocked)
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "# %v\n", f)
	}
	return b.String()
}

// String is one line: the change, and why it is not made.
func (b Blocked) String() string {
	return "! " + b.Change.diff() + "   " + string(b.Code) + ": " + b.Why
}

// MarshalJSON has the servers with names for their suffrages; "was" is null if there was
// none.
func (c Change) MarshalJSON() ([]byte, error) {
	type plain Change
	var was *wireServer
	if c.Was != (raft.Server{}) {
		w := toWire(c.Was)
		was = &w
	}
	return json.Marshal(struct {
		plain
		Server wireServer  `json:"server"`
		Was    *wireServer `json:"was"`
	}{plain(c), toWire(c.Server), was})
}
