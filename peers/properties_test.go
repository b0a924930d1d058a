// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// planProperty holds for every case that the dice make.
type planProperty struct {
	name  string
	holds func(d dice) error
	cases int // of the short suite
}

func planProperties() []planProperty {
	return []planProperty{
		{"P1 safe", planIsSafe, 300},
		{"P1 check", checkRefusesTheUnsafe, 300},
		{"P2 deterministic", planIsDeterministic, 50},
		{"P3 monotone", lifeIsMonotone, 150},
		{"P4 terminates", planTerminates, 150},
		{"P4-P6 converges", planConverges, 50},
		{"P7 partial view", partialViewIsHarmless, 150},
		{"P8 leave", leavesKeepTheGroup, 50},
		{"P9 addresses", addressesArePermuted, 12},
	}
}

// TestPlanProperties is what make proof does a million times (TestProofPlanProperties),
// here with shrinking.
func TestPlanProperties(t *testing.T) {
	for _, p := range planProperties() {
		t.Run(p.name, func(t *testing.T) {
			for seed := range uint64(p.cases) {
				require.NoError(t, p.holds(seededDice(seed)), "seed %d", seed)
			}
		})
		t.Run(p.name+" (rapid)", rapid.MakeCheck(func(r *rapid.T) {
			if err := p.holds(rapidDice(r)); err != nil {
				r.Fatal(err)
			}
		}))
	}
}

// TestGuarantee14_CheckAcceptsWhatPlanEmits is P1: what Plan wants is safe for Check and
// for the oracle, and no alteration of it is.
func TestGuarantee14_CheckAcceptsWhatPlanEmits(t *testing.T) {
	seen := map[Op]int{}
	for seed := range uint64(1500) {
		require.NoError(t, planIsSafe(seededDice(seed)), "seed %d", seed)
		d := seededDice(seed)
		p := dicePolicy(d)
		s := diceState(d, p)
		if next := p.Plan(s).Next; next != nil {
			seen[next.Op]++
		}
	}
	for op := AddNonvoter; op <= Reassert; op++ {
		require.Greater(t, seen[op], 5, "the states do not lead to %s", op)
	}
}

// TestLostDiskEndsInOneDemotion is a case of P4: what it lacks of what it once had, it
// still lacks when it has lost its vote.
func TestLostDiskEndsInOneDemotion(t *testing.T) {
	s := checkState()
	s.Contact, s.View.Members[3].Health = nil, Alive
	s.Servers, s.View.Members = s.Servers[:4], s.View.Members[:4]
	for i := range 4 {
		id := s.Servers[i].ID
		s.Replies[id] = Reply{ID: id, HasState: true, LastIndex: 1000, Running: true}
	}
	s.say("n3", func(r *Reply) { r.LastIndex = 999 })
	s.Known["n3"] = 1000
	trace, err := followFrozen(checkPolicy(), s)
	require.NoError(t, err)
	require.Len(t, trace, 1)
	require.Equal(t, Demote, trace[0].Op)
}

func planIsSafe(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	next := p.Plan(s).Next
	if next == nil {
		return nil
	}
	if err := errors.Join(p.Check(s, *next), oracleOf(p, s).broken(*next)); err != nil {
		return describe(p, s, *next, err)
	}
	wrong := alterations(s, *next)
	for range 6 {
		if c := wrong[d(len(wrong))]; p.Check(s, c) == nil {
			return describe(p, s, c, fmt.Errorf("Check accepts an alteration"))
		}
	}
	return nil
}

// checkRefusesTheUnsafe asks about changes that nobody planned.
func checkRefusesTheUnsafe(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	for range 4 {
		c := diceChange(d, s)
		o := oracleOf(p, s)
		c.Before, c.After = o.tally(s.Servers, nil), o.tally(oracleApply(s.Servers, c), nil)
		if p.Check(s, c) != nil {
			continue
		}
		if err := o.broken(c); err != nil {
			return describe(p, s, c, fmt.Errorf("Check accepts what breaks %w", err))
		}
	}
	return nil
}

// alterations of a change are all wrong, whatever the state.
func alterations(s State, c Change) []Change {
	var all []Change
	alter := func(f func(*Change)) {
		altered := c
		if f(&altered); altered != c {
			all = append(all, altered)
		}
	}
	for op := Op(0); op <= Reassert+1; op++ {
		alter(func(c *Change) { c.Op = op })
	}
	alter(func(c *Change) { c.Before.Live++ })
	alter(func(c *Change) { c.Before.Voters-- })
	alter(func(c *Change) { c.After.Live-- })
	alter(func(c *Change) { c.After.Voters++ })
	alter(func(c *Change) { c.Server.ID += "x" })
	alter(func(c *Change) { c.Server.ID = "" })
	alter(func(c *Change) { c.Was.ID += "x" })
	alter(func(c *Change) { c.Was.Address += "0" })
	alter(func(c *Change) { c.Was.Suffrage ^= raft.Nonvoter })
	alter(func(c *Change) { c.Server.Suffrage ^= raft.Nonvoter })
	alter(func(c *Change) { c.Server.Address = "10.9.9.9:1" })
	for _, e := range s.Servers {
		if e.ID != c.Server.ID {
			alter(func(c *Change) { c.Server.Address = e.Address })
		}
	}
	return all
}

// planIsDeterministic is P2: the order of nothing matters.
func planIsDeterministic(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	want, err := json.Marshal(p.Plan(s))
	if err != nil {
		return err
	}
	mixed := shuffled(d, s)
	got, err := json.Marshal(p.Plan(mixed))
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return describe(p, s, Change{}, fmt.Errorf("the order matters:\n%s\n%s", want, got))
	}
	return nil
}

// lifeIsMonotone is P3: a server that comes alive is not taken away for it, and costs
// nobody else anything for which there was no evidence before.
func lifeIsMonotone(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	before := oracleOf(p, s)
	risen := s.Servers[d(len(s.Servers))].ID
	kind := d(3)
	if risen == s.Local {
		return nil // a view without the leader is no witness, and one with it is
	}
	revive(&s, risen, kind)
	next := p.Plan(s).Next
	if next == nil || next.Op != Remove && next.Op != Demote || before.leaves(next.Server.ID) {
		return nil
	}
	id := next.Server.ID
	switch {
	case id == risen && (next.Op == Remove || kind == 2):
		return describe(p, s, *next, fmt.Errorf("it has just come alive"))
	case next.Op == Remove && !before.dead(id), next.Op == Demote && !before.amnesiac(id):
		return describe(p, s, *next, fmt.Errorf("nothing was said of it before %q came alive", risen))
	}
	return nil
}

// revive makes one witness speak for a server, or the server itself.
func revive(s *State, id raft.ServerID, kind int) {
	switch kind {
	case 0:
		delete(s.Contact, id)
	case 1:
		s.View.Members = slices.DeleteFunc(slices.Clone(s.View.Members), func(m Member) bool { return m.ID == id })
		for _, e := range s.Servers {
			if e.ID == id {
				s.View.Members = append(s.View.Members, Member{ID: id, Address: e.Address, Health: Alive, Since: s.Now})
			}
		}
	case 2:
		s.Replies[id] = Reply{ID: id, HasState: true, LastIndex: s.LastIndex, Running: true}
		delete(s.Known, id)
	}
}

// partialViewIsHarmless is P7: of what discovery forgets, nothing that raft hears goes.
func partialViewIsHarmless(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	for range 1 + d(len(s.View.Members)+1) {
		if n := len(s.View.Members); n > 0 {
			i := d(n)
			s.View.Members = slices.Delete(slices.Clone(s.View.Members), i, i+1)
		}
	}
	next := p.Plan(s).Next
	if next == nil || next.Op != Remove || oracleOf(p, s).leaves(next.Server.ID) {
		return nil
	}
	if s.Contact[next.Server.ID] < p.withDefaults().DeadAfter {
		return describe(p, s, *next, fmt.Errorf("raft hears it"))
	}
	return nil
}

// planTerminates is the hard half of P4: whatever the evidence is, as long as it stays,
// the list stops changing.
func planTerminates(d dice) error {
	p := dicePolicy(d)
	s := diceState(d, p)
	_, err := followFrozen(p, s)
	return err
}

// followFrozen makes the changes that follow if nothing but the list changes.
func followFrozen(p Policy, s State) ([]Change, error) {
	most := 2 * (len(s.Servers) + len(s.View.Members))
	first := s
	var trace []Change
	for {
		next := p.Plan(s).Next
		if next == nil {
			return trace, nil
		}
		if trace = append(trace, *next); len(trace) > most {
			return trace, describe(p, first, *next, fmt.Errorf("%d changes and no end: %s", len(trace), changes(trace)))
		}
		if err := errors.Join(p.Check(s, *next), oracleOf(p, s).broken(*next)); err != nil {
			return trace, describe(p, s, *next, err)
		}
		s = s.frozen(p.withDefaults(), *next)
	}
}

// frozen is s after c, when nothing else has changed but the time.
func (s State) frozen(p Policy, c Change) State {
	was := s.Servers
	s.Servers = oracleApply(s.Servers, c)
	pass := p.DeadAfter + 11*p.RemovalEvery
	s.Now, s.Leading, s.Removals = s.Now.Add(pass), s.Leading+pass, nil
	s.Recovered = s.Recovered && c.Op != Reassert
	contact := map[raft.ServerID]time.Duration{}
	for id, silent := range s.Contact {
		if silent > 0 {
			contact[id] = silent + pass
		}
	}
	s.Contact = contact
	replies := map[raft.ServerID]Reply{}
	for id, r := range s.Replies {
		if r.ConfigIndex == s.ConfigIndex {
			r.ConfigIndex++
			if DigestOf(r.Servers) == DigestOf(was) {
				r.Servers = s.Servers
			}
		}
		replies[id] = r
	}
	s.Replies = replies
	s.ConfigIndex++
	if c.Op == Handover {
		s.Local = c.Server.ID
	}
	return s
}

func changes(trace []Change) (text string) {
	for _, c := range trace {
		text += fmt.Sprintf("%s %s; ", c.Op, c.Server.ID)
	}
	return text
}

// describe adds what is needed to see why.
func describe(p Policy, s State, c Change, err error) error {
	text := fmt.Sprintf("change %+v -> %+v of %s, %v -> %v\npolicy %+v\n", c.Was, c.Server, c.Op, c.Before, c.After, p)
	text += fmt.Sprintf("local %s, leading %v, leaving %v, recovered %v, index %d, warm %v, known %v\n", s.Local, s.Leading, s.Leaving, s.Recovered, s.ConfigIndex, s.View.Warm, s.Known)
	for _, at := range s.Removals {
		text += fmt.Sprintf("removal %v ago\n", s.Now.Sub(at))
	}
	for _, e := range s.Servers {
		text += fmt.Sprintf("%s %s at %s, silent for %v\n", e.ID, e.Suffrage, e.Address, s.Contact[e.ID])
	}
	for _, m := range s.View.Members {
		text += fmt.Sprintf("view: %s %s at %s for %v, nonvoter %v, cluster %q\n", m.ID, m.Health, m.Address, s.Now.Sub(m.Since), m.Nonvoter, m.ClusterID)
	}
	for id, r := range s.Replies {
		text += fmt.Sprintf("reply: %s as %s at %s, cluster %q, state %v, %d entries, running %v, leaving %v, list %s at %d\n",
			id, r.ID, r.Address, r.ClusterID, r.HasState, r.LastIndex, r.Running, r.Leaving, r.Config(), r.ConfigIndex)
	}
	return fmt.Errorf("%w\n%s", err, text)
}
