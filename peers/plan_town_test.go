// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

var planEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const long = time.Hour // longer than any patience of a policy

// town is a State that tests change in the words of an operator. It begins healthy and
// converged, and n1 looks.
type town struct{ State }

func townOf(voters int) *town {
	t := &town{State{
		Now: planEpoch, Local: "n1", Leading: long, ConfigIndex: 7, LastIndex: 1000,
		View:    View{Taken: planEpoch, Warm: true},
		Contact: map[raft.ServerID]time.Duration{}, Replies: map[raft.ServerID]Reply{}, Known: map[raft.ServerID]uint64{},
	}}
	for i := range voters {
		t.voter(i + 1)
	}
	return t
}

func townID(i int) raft.ServerID { return raft.ServerID(fmt.Sprintf("n%d", i)) }

func townAddress(i int) raft.ServerAddress {
	return raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", i))
}

// comes makes server i alive and willing, and not in the list.
func (t *town) comes(i int) raft.ServerID {
	id, a := townID(i), townAddress(i)
	t.View.Members = append(t.View.Members, Member{ID: id, Address: a, Health: Alive, Since: t.Now.Add(-long)})
	t.Replies[id] = Reply{ID: id, Address: a, HasState: true, Running: true, Term: 2, LastTerm: 2, LastIndex: t.LastIndex}
	return id
}

func (t *town) voter(i int) raft.ServerID {
	id := t.comes(i)
	t.Servers = append(t.Servers, raft.Server{ID: id, Address: townAddress(i)})
	return id
}

func (t *town) nonvoter(i int) raft.ServerID {
	id := t.voter(i)
	t.Servers[len(t.Servers)-1].Suffrage = raft.Nonvoter
	return id
}

func (t *town) member(id raft.ServerID) *Member {
	i := slices.IndexFunc(t.View.Members, func(m Member) bool { return m.ID == id })
	return &t.View.Members[i]
}

func (t *town) says(id raft.ServerID, f func(*Reply)) {
	r := t.Replies[id]
	f(&r)
	t.Replies[id] = r
}

// dies: both witnesses have missed it for so long, and it does not answer.
func (t *town) dies(id raft.ServerID, ago time.Duration) {
	t.silent(id, ago)
	m := t.member(id)
	m.Health, m.Since = Failed, t.Now.Add(-ago)
}

func (t *town) silent(id raft.ServerID, ago time.Duration) {
	t.Contact[id] = ago
	delete(t.Replies, id)
}

// unseen takes it out of the view. Raft may hear it all the same.
func (t *town) unseen(id raft.ServerID) {
	t.View.Members = slices.DeleteFunc(t.View.Members, func(m Member) bool { return m.ID == id })
}

// moves: it is alive at the address of server i, and answers there.
func (t *town) moves(id raft.ServerID, i int) {
	t.member(id).Address = townAddress(i)
	t.says(id, func(r *Reply) { r.Address = townAddress(i) })
}

// pass lets time go by, and nothing else happen.
func (t *town) pass(d time.Duration) {
	t.Now, t.Leading = t.Now.Add(d), t.Leading+d
	for id, silence := range t.Contact {
		if silence > 0 {
			t.Contact[id] = silence + d
		}
	}
}

// does makes the change, with the effect that it is made for.
func (t *town) does(c Change) {
	t.foresee(c, 0)
	t.ConfigIndex++
}

// settles makes one change after another until the plan is empty, however much time
// that takes, and returns the diff.
func (t *town) settles(test testing.TB, p Policy) []string {
	var lines []string
	for range 100 {
		plan := p.Plan(t.State)
		switch {
		case plan.Next != nil:
			requireOneStep(test, t.State, *plan.Next)
			lines = append(lines, plan.Next.String())
			t.does(*plan.Next)
		case plan.Recheck > 0:
			t.pass(plan.Recheck)
		default:
			return lines
		}
	}
	require.Fail(test, "it does not settle", lines)
	return nil
}

// requireOneStep is what holds for every change, counted here without the planner.
func requireOneStep(t testing.TB, s State, c Change) {
	after := c.Apply(s.Servers)
	old := map[raft.ServerID]raft.Server{}
	for _, server := range s.Servers {
		old[server.ID] = server
	}
	differ, voters := 0, 0
	addresses := map[string]bool{}
	for _, server := range after {
		if was, in := old[server.ID]; !in || was != server {
			differ++
		}
		delete(old, server.ID)
		if server.Suffrage == raft.Voter {
			voters++
		}
		require.False(t, addresses[canonical(server.Address)], "%v: %v is there twice", c, server.Address)
		addresses[canonical(server.Address)] = true
		if server.ID == s.Local {
			require.Equal(t, raft.Voter, server.Suffrage, "%v", c)
		}
	}
	differ += len(old)
	require.LessOrEqual(t, differ, 1, "%v", c)
	require.Equal(t, differ == 0, c.Op == Handover || c.Op == Reassert, "%v", c)
	require.NotContains(t, old, s.Local, "%v", c)
	require.Equal(t, voters, c.After.Voters, "%v", c)
	require.GreaterOrEqual(t, c.After.Live, voters/2+1, "%v", c)
	if c.Op != Park && c.Code != CodeLeaving { // a swap costs one for a step, a leave is a wish
		require.GreaterOrEqual(t, c.After.Slack(), c.Before.Slack(), "%v", c)
	}
}

// planned is the op and server of the next change, "" without one.
func planned(p Plan) string {
	if p.Next == nil {
		return ""
	}
	return p.Next.Op.String() + " " + string(p.Next.Server.ID)
}

// blockedFor is the code for which op on id is blocked; "": it is not.
func blockedFor(p Plan, op Op, id raft.ServerID) Code {
	for _, b := range p.Blocked {
		if b.Change.Op == op && b.Change.Server.ID == id {
			return b.Code
		}
	}
	return ""
}

func findingIn(p Plan, code Code, id raft.ServerID) *Finding {
	for i := range p.Findings {
		if f := &p.Findings[i]; f.Code == code && (id == "" || f.Server == id) {
			return f
		}
	}
	return nil
}

var five = Policy{TargetVoters: 5}

// requireKept plans and sees that nothing is removed or demoted, now or next.
func requireKept(t testing.TB, p Policy, s *town) Plan {
	t.Helper()
	plan := p.Plan(s.State)
	for _, c := range append(plan.Then, Change{}) {
		require.NotContains(t, []Op{Remove, Demote}, c.Op, "%v", c)
	}
	if plan.Next != nil {
		require.NotContains(t, []Op{Remove, Demote}, plan.Next.Op, "%v", plan.Next)
	}
	return plan
}
