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

// oracle is the third opinion: the invariants I1-I12, each as literally as it is
// written, with no code of Plan or of Check. It does not ask whether a change is wanted.
type oracle struct {
	p Policy
	s State
}

func oracleOf(p Policy, s State) oracle { return oracle{p.withDefaults(), s} }

func oracleApply(list []raft.Server, c Change) []raft.Server {
	after := slices.DeleteFunc(slices.Clone(list), func(e raft.Server) bool { return e.ID == c.Server.ID })
	switch c.Op {
	case Handover:
		return list
	case Remove:
		return after
	default:
		return append(after, c.Server)
	}
}

func oracleVoters(list []raft.Server) int {
	n := 0
	for _, e := range list {
		if e.Suffrage == raft.Voter {
			n++
		}
	}
	return n
}

func (o oracle) entry(id raft.ServerID) (e raft.Server) {
	for _, x := range o.s.Servers {
		if x.ID == id {
			e = x
		}
	}
	return e
}

// member is nothing but an id, if it is there more than once.
func (o oracle) member(id raft.ServerID) (m Member, times int) {
	for _, x := range o.s.View.Members {
		if x.ID == id {
			m, times = x, times+1
		}
	}
	if times > 1 {
		m = Member{ID: id}
	}
	return m, times
}

func (o oracle) reply(id raft.ServerID) *Reply {
	if r, ok := o.s.Replies[id]; ok && r.ID == id {
		return &r
	}
	return nil
}

func (o oracle) leaves(id raft.ServerID) bool {
	r := o.reply(id)
	return slices.Contains(o.s.Leaving, id) || r != nil && r.Leaving
}

func (o oracle) foreign(id raft.ServerID) bool {
	m, _ := o.member(id)
	names := map[string]bool{o.p.ClusterID: true, m.ClusterID: true}
	r := o.reply(id)
	if r != nil {
		names[r.ClusterID] = true
	}
	delete(names, "")
	if len(names) > 1 {
		return true
	}
	return r != nil && r.ConfigIndex > 0 && r.ConfigIndex == o.s.ConfigIndex && !slices.Equal(r.Servers, o.s.Servers) && DigestOf(r.Servers) != DigestOf(o.s.Servers)
}

// ownCluster: it votes where nobody of ours is.
func (o oracle) ownCluster(r Reply) bool {
	shared := slices.ContainsFunc(r.Servers, func(e raft.Server) bool { return o.entry(e.ID).ID != "" })
	return r.HasState && !shared && slices.ContainsFunc(r.Servers, func(e raft.Server) bool { return e.ID == r.ID && e.Suffrage == raft.Voter })
}

func (o oracle) amnesiac(id raft.ServerID) bool {
	r := o.reply(id)
	return r != nil && (!r.HasState || r.LastIndex < o.s.Known[id])
}

func (o oracle) live(e raft.Server) bool {
	if e.ID == o.s.Local {
		return true
	}
	_, answered := o.s.Replies[e.ID]
	stranger := answered && o.reply(e.ID) == nil
	return o.s.Contact[e.ID] == 0 && !stranger && !o.foreign(e.ID) && !o.amnesiac(e.ID) && !strings.HasSuffix(string(e.Address), parkedSuffix)
}

// slack is the slack of a list, less those who are not to be counted.
func (o oracle) slack(list []raft.Server, but func(raft.ServerID) bool) int {
	t := o.tally(list, but)
	return t.Live - (t.Voters/2 + 1)
}

func (o oracle) tally(list []raft.Server, but func(raft.ServerID) bool) Tally {
	n, processes := 0, map[string]bool{}
	for _, e := range list {
		if e.Suffrage == raft.Voter {
			n++
			if o.live(e) && (but == nil || !but(e.ID)) {
				processes[canonical(e.Address)] = true
			}
		}
	}
	return Tally{n, len(processes)}
}

// dead: both witnesses say so.
func (o oracle) dead(id raft.ServerID) bool {
	local, _ := o.member(o.s.Local)
	if id == o.s.Local || o.s.Contact[id] < o.p.DeadAfter || !o.s.View.Warm || local.Health != Alive {
		return false
	}
	m, times := o.member(id)
	switch age := o.s.Now.Sub(m.Since); {
	case times == 0:
		return o.s.Contact[id] >= o.p.AbsentAfter
	case m.Health == Leaving:
		return age > o.p.AbsentAfter
	default:
		return (m.Health == Failed || m.Health == Left) && age >= o.p.DeadAfter
	}
}

// broken names the first invariant that c breaks.
func (o oracle) broken(c Change) error {
	for _, rule := range []func(Change, []raft.Server) error{o.shape, o.numbers, o.losses, o.haste, o.addresses, o.strangers} {
		if err := rule(c, oracleApply(o.s.Servers, c)); err != nil {
			return fmt.Errorf("%s %q: %w", c.Op, c.Server.ID, err)
		}
	}
	return nil
}

// shape: I3, I6, I12.
func (o oracle) shape(c Change, after []raft.Server) error {
	changed := 0
	for _, e := range o.s.Servers {
		if !slices.Contains(after, e) {
			changed++
		}
	}
	if len(after) > len(o.s.Servers) {
		changed++
	}
	own := slices.IndexFunc(after, func(e raft.Server) bool { return e.ID == o.s.Local && e.Suffrage == raft.Voter })
	switch writes := c.Op != Handover && c.Op != Reassert; {
	case writes && changed != 1:
		return fmt.Errorf("I3 or I12: %d entries differ", changed)
	case !writes && changed != 0:
		return fmt.Errorf("I3: it changes an entry")
	case writes && DigestOf(after) == DigestOf(o.s.Servers):
		return fmt.Errorf("I12: nothing differs")
	case c.Was != o.entry(c.Server.ID):
		return fmt.Errorf("I3: it was something else")
	case own < 0:
		return fmt.Errorf("I6: the leader has no vote")
	case c.Op == Handover && (c.Server.ID == o.s.Local || c.Server.Suffrage != raft.Voter || !o.live(c.Server)):
		return fmt.Errorf("I6: that one cannot lead")
	}
	return nil
}

// numbers: I1, I2, I4.
func (o oracle) numbers(c Change, after []raft.Server) error {
	n, was := oracleVoters(after), oracleVoters(o.s.Servers)
	slack, before := o.slack(after, nil), o.slack(o.s.Servers, nil)
	gone := func(id raft.ServerID) bool { return o.leaves(id) || id == o.s.Local && c.Op == Handover }
	wish := c.Op == Remove && o.leaves(c.Server.ID) && !o.dead(c.Server.ID)
	switch {
	case slack < 0 || before < 0:
		return fmt.Errorf("I1: slack %d, and %d after it", before, slack)
	case c.Before != o.tally(o.s.Servers, nil) || c.After != o.tally(after, nil):
		return fmt.Errorf("I1: not the tallies that it says")
	case n < was && n < o.p.MinVoters:
		return fmt.Errorf("I4: %d voters left of %d, want %d", n, was, o.p.MinVoters)
	case n < was && wish && o.slack(after, gone) < o.p.MinSlack:
		return fmt.Errorf("I2: slack %d without all who leave", o.slack(after, gone))
	case slack < before && c.Op != Park && !wish:
		return fmt.Errorf("I2: slack falls from %d to %d", before, slack)
	}
	if c.Op != Handover {
		return nil
	}
	without := slices.DeleteFunc(slices.Clone(after), func(e raft.Server) bool { return e.ID == o.s.Local })
	if was-1 < o.p.MinVoters || o.slack(without, gone) < o.p.MinSlack {
		return fmt.Errorf("I2 or I4: the leader may not leave")
	}
	return nil
}

// losses: I5, I7 and parity.
func (o oracle) losses(c Change, after []raft.Server) error {
	id, was, n := c.Server.ID, oracleVoters(o.s.Servers), oracleVoters(after)
	dead := 0
	for _, e := range o.s.Servers {
		if e.Suffrage == raft.Voter && o.dead(e.ID) {
			dead++
		}
	}
	if c.Op == Remove && !o.dead(id) && !o.leaves(id) {
		return fmt.Errorf("I5: not both witnesses")
	}
	if n >= was {
		return nil
	}
	switch wish := c.Op == Remove && o.leaves(id); {
	case c.Op == Demote && !o.amnesiac(id):
		return fmt.Errorf("I5: it did not say that it lost its disk")
	case !wish && dead > (was-1)/2:
		return fmt.Errorf("I7: %d of %d look dead", dead, was)
	case c.Op == Remove && !wish && was%2 == 1 && (dead < 2 || was-2 < o.p.MinVoters):
		return fmt.Errorf("parity: %d dead of %d", dead, was)
	case c.Op == Remove && !wish && o.p.TargetVoters == 0:
		return fmt.Errorf("no automatic removal without a target")
	}
	return nil
}

// haste: I8.
func (o oracle) haste(c Change, after []raft.Server) error {
	was := oracleVoters(o.s.Servers)
	wish := c.Op == Remove && o.leaves(c.Server.ID)
	if wish || oracleVoters(after) >= was {
		return nil
	}
	recent := 0
	for _, at := range o.s.Removals {
		if age := o.s.Now.Sub(at); age < o.p.RemovalEvery {
			return fmt.Errorf("I8: %v after the last one", age)
		} else if age < 10*o.p.RemovalEvery {
			recent++
		}
	}
	if n0 := was + recent; recent+1 > (n0-1)/2 {
		return fmt.Errorf("I8: %d removals of %d", recent+1, n0)
	}
	if c.Op == Remove && o.s.Leading < o.p.DeadAfter {
		return fmt.Errorf("I8: a leader for %v", o.s.Leading)
	}
	return nil
}

// addresses: I9.
func (o oracle) addresses(c Change, after []raft.Server) error {
	if c.Op == Handover || c.Op == Reassert {
		return nil
	}
	if _, times := o.member(c.Server.ID); times > 1 {
		return fmt.Errorf("I9: its id is in the view twice")
	}
	claims := 0
	for _, m := range o.s.View.Members {
		if m.Health == Alive && canonical(m.Address) == canonical(c.Server.Address) {
			claims++
		}
	}
	if c.Server.Address != c.Was.Address && claims > 1 {
		return fmt.Errorf("I9: %d members claim its address", claims)
	}
	for _, e := range after {
		if e.ID != c.Server.ID && canonical(e.Address) == canonical(c.Server.Address) {
			return fmt.Errorf("I9: %q has its address", e.ID)
		}
	}
	return nil
}

// strangers: I1 of newcomers, I10, I11.
func (o oracle) strangers(c Change, _ []raft.Server) error {
	id := c.Server.ID
	m, times := o.member(id)
	r := o.reply(id)
	if c.Op == AddNonvoter || c.Op == Promote || c.Op == Readdress {
		if times != 1 || m.Health != Alive || canonical(m.Address) != canonical(c.Server.Address) || r == nil {
			return fmt.Errorf("I1: not seen and heard there")
		}
		if o.foreign(id) || c.Op == AddNonvoter && o.ownCluster(*r) {
			return fmt.Errorf("I10: of another cluster")
		}
	}
	if c.Op == Promote {
		switch lag := time.Duration(o.s.LastIndex) - time.Duration(r.LastIndex); { //nolint:gosec // small in tests
		case o.amnesiac(id):
			return fmt.Errorf("I11: it has lost its disk")
		case !r.Running || o.s.Contact[id] > 0 || o.s.Now.Sub(m.Since) < o.p.StableFor || lag > time.Duration(o.p.MaxLag): //nolint:gosec // small in tests
			return fmt.Errorf("I1: not proven")
		case m.Nonvoter || o.leaves(id):
			return fmt.Errorf("it wants no vote")
		}
	}
	return nil
}
