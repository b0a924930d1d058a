// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// ErrUnsafe is the sentinel under every refusal of [Policy.Check].
var ErrUnsafe = errors.New("unsafe change")

// Invariant is one of the twelve rules that no change breaks.
type Invariant uint8

// The invariants, by the numbers that doc.go, tests and refusals use.
const (
	invQuorum    Invariant = iota + 1 // I1: the live voters are a quorum after every change
	invSlack                          // I2: no automatic change lowers slack, no leave below MinSlack
	invOneEntry                       // I3: one entry differs, and is what the change says it was
	invSize                           // I4: MinVoters, TargetVoters and parity
	invWitnesses                      // I5: two independent witnesses, or the server's own word
	invLeader                         // I6: the leader stays, until somebody else leads
	invBreaker                        // I7: many suspects at once are a fault of the view
	invRate                           // I8: removals keep a distance
	invAddress                        // I9: one server, one address; one address, one server
	invCluster                        // I10: no server of another cluster
	invDisk                           // I11: who lost its disk has no vote
	invNoOp                           // I12: no entry that changes nothing
)

var invariantNames = [...]string{
	invQuorum: "quorum", invSlack: "slack", invOneEntry: "one entry", invSize: "number of voters",
	invWitnesses: "witnesses", invLeader: "leader stays", invBreaker: "mass suspicion", invRate: "rate",
	invAddress: "addresses", invCluster: "cluster", invDisk: "lost disk", invNoOp: "no-op",
}

// String is the number and a name, such as "I5 witnesses".
func (i Invariant) String() string {
	if i == 0 || int(i) >= len(invariantNames) {
		return "I(?)"
	}
	return fmt.Sprintf("I%d %s", uint8(i), invariantNames[i])
}

// UnsafeError says which invariant a change would break. errors.Is finds [ErrUnsafe].
type UnsafeError struct {
	Invariant Invariant
	Op        Op
	Server    raft.ServerID
	Detail    string // what was found and what is wanted, with numbers
}

// Error is one line, whatever the ids hold.
func (e *UnsafeError) Error() string {
	return fmt.Sprintf("peers: %v: %s %q breaks %s: %s", ErrUnsafe, e.Op, string(e.Server), e.Invariant, e.Detail)
}

// Unwrap is [ErrUnsafe].
func (e *UnsafeError) Unwrap() error { return ErrUnsafe }

// Check is a second opinion on a change before it is made: nil, or an [*UnsafeError] that
// names the first invariant it breaks. It is written apart from Plan, with a tally and
// rules of evidence of its own, so that one mistake in either costs no quorum. It asks
// whether the change is safe, not whether it is the best one. It needs no clock and
// changes nothing; what it cannot decide it refuses.
func (p Policy) Check(s State, c Change) error {
	j := newJudge(p.withDefaults(), s)
	if r := j.judge(c); r != nil {
		return &UnsafeError{Invariant: r.rule, Op: c.Op, Server: c.Server.ID, Detail: r.detail}
	}
	return nil
}

// refusal is what a rule has against a change; nil: nothing.
type refusal struct {
	rule   Invariant
	detail string
}

func refuse(rule Invariant, format string, args ...any) *refusal {
	return &refusal{rule, fmt.Sprintf(format, args...)}
}

// firstOf asks rules in turn. Later ones may rely on what earlier ones made sure of.
func firstOf(c Change, rules ...func(Change) *refusal) *refusal {
	for _, rule := range rules {
		if r := rule(c); r != nil {
			return r
		}
	}
	return nil
}

func (j *judge) judge(c Change) *refusal {
	return firstOf(c, j.leads, j.describes, j.byOp, j.tallies)
}

func (j *judge) byOp(c Change) *refusal {
	switch c.Op {
	case AddNonvoter:
		return firstOf(c, j.unambiguous, j.adds, j.takesAddress, j.belongs)
	case Promote:
		return firstOf(c, j.unambiguous, j.promotes, j.belongs, j.caughtUp)
	case Readdress:
		return firstOf(c, j.unambiguous, j.readdresses, j.takesAddress, j.belongs)
	case Park:
		return firstOf(c, j.unambiguous, j.parks)
	case Demote:
		return firstOf(c, j.unambiguous, j.demotes, j.takesVote)
	case Remove:
		return firstOf(c, j.unambiguous, j.removes)
	case Handover:
		return j.handsOver(c)
	case Reassert:
		return j.reasserts(c)
	default:
		return refuse(invOneEntry, "there is no op %d", uint8(c.Op))
	}
}

// leads is the ground of all else: only a leader that votes may change the list.
func (j *judge) leads(Change) *refusal {
	if own, ok := j.entries[j.state.Local]; !ok || own.Suffrage != raft.Voter {
		return refuse(invLeader, "%q, which looks, is no voter of the list", string(j.state.Local))
	}
	if len(j.entries) != len(j.state.Servers) {
		return refuse(invAddress, "an id is in the list twice")
	}
	return nil
}

// describes compares what the change says was with what is.
func (j *judge) describes(c Change) *refusal {
	if c.Server.ID == "" {
		return refuse(invOneEntry, "it names no server")
	}
	if was := j.entries[c.Server.ID]; was != c.Was {
		return refuse(invOneEntry, "the list holds %+v, not %+v", was, c.Was)
	}
	if in := c.Was.ID != ""; in == (c.Op == AddNonvoter) {
		return refuse(invOneEntry, "in the list: %t", in)
	}
	return nil
}

// tallies counts again. The numbers that people were shown must be the ones that held.
func (j *judge) tallies(c Change) *refusal {
	before, after := j.tally(j.state.Servers), j.tally(j.apply(c))
	switch {
	case c.Before != before:
		return refuse(invQuorum, "before it, %d of %d voters live, not %d of %d", before.Live, before.Voters, c.Before.Live, c.Before.Voters)
	case c.After != after:
		return refuse(invQuorum, "after it, %d of %d voters live, not %d of %d", after.Live, after.Voters, c.After.Live, c.After.Voters)
	case before.Slack() < 0:
		return refuse(invQuorum, "%d of %d voters live: nothing can be committed, and what is appended is in effect all the same", before.Live, before.Voters)
	case after.Slack() < 0:
		return refuse(invQuorum, "after it, %d of %d voters live, and %d must", after.Live, after.Voters, after.Quorum())
	case after.Slack() < before.Slack() && c.Op != Park && !j.leaves(c):
		return refuse(invSlack, "slack would fall from %d to %d", before.Slack(), after.Slack())
	}
	return nil
}

// apply is the list after the change.
func (j *judge) apply(c Change) []raft.Server {
	if c.Op == Handover {
		return j.state.Servers
	}
	after := make([]raft.Server, 0, len(j.state.Servers)+1)
	for _, s := range j.state.Servers {
		if s.ID != c.Server.ID {
			after = append(after, s)
		}
	}
	if c.Op != Remove {
		after = append(after, c.Server)
	}
	return after
}
