// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// truth is how things are, from which all evidence follows: a group without lies, in
// which raft dials by id.
type truth struct {
	policy  Policy
	servers []truthOf
	list    []raft.Server
	local   raft.ServerID
	leaving []raft.ServerID
	now     time.Time
	index   uint64
}

// truthOf is one server, in the list or not.
type truthOf struct {
	id       raft.ServerID
	home     raft.ServerAddress
	alive    bool
	wanted   bool // discovery shows it
	nonvoter bool
}

// evidence is what the leader sees, long after whatever happened last.
func (w *truth) evidence() State {
	const ago = 24 * time.Hour
	s := State{
		Now: w.now, Local: w.local, Leading: ago, Servers: w.list, ConfigIndex: w.index, LastIndex: 1000,
		View:    View{Members: make([]Member, 0, len(w.servers)), Taken: w.now, Warm: true},
		Contact: make(map[raft.ServerID]time.Duration, len(w.servers)), Replies: make(map[raft.ServerID]Reply, len(w.servers)),
		Leaving: w.leaving,
	}
	for _, x := range w.servers {
		if x.wanted {
			m := Member{ID: x.id, Address: x.home, Health: Alive, Since: w.now.Add(-ago), Nonvoter: x.nonvoter}
			if !x.alive {
				m.Health = Failed
			}
			s.View.Members = append(s.View.Members, m)
		}
		if x.alive {
			s.Replies[x.id] = Reply{ID: x.id, Address: x.home, HasState: true, LastIndex: 1000, Running: true, Servers: w.list, ConfigIndex: w.index}
		} else if slices.ContainsFunc(w.list, func(e raft.Server) bool { return e.ID == x.id }) {
			s.Contact[x.id] = ago
		}
	}
	return s
}

// step makes the next change, if there is one, after everybody has agreed that it is safe.
func (w *truth) step() (*Change, error) {
	s := w.evidence()
	next := w.policy.Plan(s).Next
	if next == nil {
		return nil, nil
	}
	if err := errors.Join(w.policy.Check(s, *next), oracleOf(w.policy, s).broken(*next)); err != nil {
		return nil, describe(w.policy, s, *next, err)
	}
	w.list = oracleApply(w.list, *next)
	w.now, w.index = w.now.Add(24*time.Hour), w.index+1
	if next.Op == Handover {
		w.local = next.Server.ID
	}
	return next, nil
}

// settle makes changes until there are none, at most that many.
func (w *truth) settle(most int, each func(Change) error) error {
	first := *w
	var trace []Change
	for {
		c, err := w.step()
		if err != nil {
			return err
		}
		if c == nil {
			return nil
		}
		if trace = append(trace, *c); len(trace) > most {
			return describe(w.policy, first.evidence(), *c, fmt.Errorf("%d changes and no end: %s", len(trace), changes(trace)))
		}
		if err := each(*c); err != nil {
			return describe(w.policy, first.evidence(), *c, fmt.Errorf("%w after %s", err, changes(trace)))
		}
	}
}

func (w *truth) voters() (ids []raft.ServerID) {
	for _, e := range w.list {
		if e.Suffrage == raft.Voter {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// diceTruth is a group with voters that live at changed addresses or are dead, nonvoters
// and newcomers.
func diceTruth(d dice, p Policy, voters, others int) *truth {
	w := &truth{policy: p, local: diceServer(0, raft.Voter).ID, now: diceEpoch, index: 50}
	homes := dicePlaces(d, voters+others)
	for i := range voters + others {
		e := diceServer(i, raft.Voter)
		x := truthOf{id: e.ID, home: homes[i], alive: true, wanted: true, nonvoter: d.rarely(8)}
		switch {
		case i < voters:
			w.list = append(w.list, e)
		case d.rarely(2):
			e.Suffrage = raft.Nonvoter
			w.list = append(w.list, e)
		}
		if i > 0 && d.rarely(4) {
			x.alive, x.wanted = false, d.rarely(2)
		}
		w.servers = append(w.servers, x)
	}
	return w
}

// planConverges is P4, P5 and P6: it ends soon, slack never falls but for the one step of
// a parked server, and at the end time alone changes nothing.
func planConverges(d dice) error {
	p := dicePolicy(d)
	w := diceTruth(d, p, 1+d(9), d(6))
	conflicts := 0
	for _, x := range w.servers {
		if slices.ContainsFunc(w.list, func(e raft.Server) bool { return e.ID != x.id && e.Address == x.home }) {
			conflicts++
		}
	}
	err := w.settle(2*len(w.servers)+2*conflicts, func(c Change) error {
		if c.After.Slack() < c.Before.Slack() && c.Op != Park {
			return fmt.Errorf("slack falls from %d to %d", c.Before.Slack(), c.After.Slack())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for range 10 {
		w.now = w.now.Add(7 * time.Minute)
		if c, err := w.step(); c != nil || err != nil {
			return fmt.Errorf("it had converged, and then %v, %w", c, err)
		}
	}
	return w.complete()
}

// complete: whoever lives is where it should be, if the group has a quorum at all.
func (w *truth) complete() error {
	s := w.evidence()
	o := oracleOf(w.policy, s)
	if o.slack(s.Servers, nil) < 1 {
		return nil // no room to move anybody
	}
	homes := map[raft.ServerAddress]int{}
	for _, x := range w.servers {
		homes[x.home]++
	}
	for _, x := range w.servers {
		e := o.entry(x.id)
		if x.alive && homes[x.home] == 1 && (e.ID == "" || e.Address != x.home) {
			return describe(w.policy, s, Change{}, fmt.Errorf("%s lives at %s, and the list has it at %q", x.id, x.home, string(e.Address)))
		}
	}
	return nil
}

// leavesKeepTheGroup is P8: everybody wants to leave, in any order, with steps of the
// plan between them. Whoever is told to stop stops, and can be started again.
func leavesKeepTheGroup(d dice) error {
	p := Policy{TargetVoters: [...]int{3, 5, 0, 1}[d(4)], MinSlack: d(2)}
	w := diceTruth(func(int) int { return 0 }, p, 1+d(7), d(3))
	least := min(len(w.voters()), p.withDefaults().MinVoters)
	order := make([]int, len(w.servers))
	for i := range order {
		order[i] = i
	}
	for i := range order {
		k := i + d(len(order)-i)
		order[i], order[k] = order[k], order[i]
	}
	for _, i := range order {
		x := &w.servers[i]
		v := p.Leave(w.evidence(), x.id)
		switch {
		case v.Action == MayLeave:
			w.leaving = append(w.leaving, x.id)
		case v.Action == StopOnly:
			x.alive = false
		}
		if !w.elects() {
			break // nothing changes any more, until somebody is started again
		}
		for range d(4) {
			if c, err := w.step(); err != nil {
				return err
			} else if c == nil {
				break
			}
		}
		if n := len(w.voters()); n < least {
			return describe(p, w.evidence(), Change{}, fmt.Errorf("%d voters are left, want %d", n, least))
		}
	}
	if !w.elects() {
		return w.electable(least)
	}
	if err := w.settle(4*len(w.servers), func(Change) error { return nil }); err != nil {
		return err
	}
	return w.electable(least)
}

// elects lets another voter lead if the leader has stopped; false: there is no quorum.
func (w *truth) elects() bool {
	live := map[raft.ServerID]bool{}
	for _, x := range w.servers {
		live[x.id] = x.alive
	}
	voters := w.voters()
	alive := slices.DeleteFunc(slices.Clone(voters), func(id raft.ServerID) bool { return !live[id] })
	if len(alive) < len(voters)/2+1 {
		return false
	}
	if !slices.Contains(alive, w.local) {
		w.local = alive[0]
	}
	return true
}

// electable: with those who stopped started again, the list has a quorum of live voters
// that did not leave, or that the group still holds.
func (w *truth) electable(least int) error {
	for i := range w.servers {
		w.servers[i].alive = true
	}
	if n := len(w.voters()); n < least {
		return fmt.Errorf("%d voters are left, want %d", n, least)
	}
	s := w.evidence()
	if slack := oracleOf(w.policy, s).slack(s.Servers, nil); slack < 0 {
		return describe(w.policy, s, Change{}, fmt.Errorf("no leader can be elected: slack %d", slack))
	}
	return nil
}

// addressesArePermuted is P9: live voters change places in any way, and the list follows
// without a change of who votes.
func addressesArePermuted(d dice) error {
	p := Policy{TargetVoters: [...]int{0, 3, 5}[d(3)]}
	w := diceTruth(func(int) int { return 0 }, p, 3+d(7), 0)
	for i := range w.servers {
		k := i + d(len(w.servers)-i)
		w.servers[i].home, w.servers[k].home = w.servers[k].home, w.servers[i].home
	}
	voters := w.voters()
	err := w.settle(3*len(w.servers), func(Change) error {
		if now := w.voters(); !slices.Equal(now, voters) {
			return fmt.Errorf("the voters were %v and are %v", voters, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range w.servers {
		if at := oracleOf(p, w.evidence()).entry(x.id).Address; at != x.home {
			return describe(p, w.evidence(), Change{}, fmt.Errorf("%s is at %s, the list says %s", x.id, x.home, at))
		}
	}
	return nil
}
