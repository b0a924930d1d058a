// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// dice draws a number below n; 0 is the ordinary case, so that shrinking ends there.
// The same states come from a fast seeded generator and from rapid.
type dice func(n int) int

func seededDice(seed uint64) dice { return rand.New(rand.NewPCG(seed, 14)).IntN }

// rapidDice multiplies, for rapid likes small numbers, and all numbers should come up.
func rapidDice(t *rapid.T) dice {
	die := rapid.Uint32()
	return func(n int) int { return int(die.Draw(t, "die") * 2654435761 >> 16 % uint32(n)) } //nolint:gosec // n is small
}

// rarely is true once in n draws.
func (d dice) rarely(n int) bool { return d(n) == n-1 }

// around draws a duration on either side of a limit.
func (d dice) around(limit time.Duration) time.Duration {
	return [...]time.Duration{10*limit + 7, limit, limit - 1, limit + 1, limit / 2, 0}[d(6)]
}

// dicePolicy has small thresholds in all relations to each other.
func dicePolicy(d dice) Policy {
	p := Policy{
		TargetVoters: [...]int{3, 5, 0, 7, 4, 1, 2}[d(7)], MinSlack: [...]int{0, 0, 0, 1}[d(4)],
		MinVoters: [...]int{0, 0, 0, 1, 2, 3}[d(6)], ClusterID: [...]string{"", "c1"}[d(2)],
	}
	if d.rarely(2) {
		p.DeadAfter, p.AbsentAfter, p.StableFor = 30*time.Second, 20*time.Second, 40*time.Second
		p.RemovalEvery, p.MaxLag = 15*time.Second, 10
	}
	if p.TargetVoters > 0 {
		p.MinVoters = min(p.MinVoters, p.TargetVoters)
	}
	return p
}

var diceEpoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// diceServer is the id and the address of the ith server.
func diceServer(i int, suffrage raft.ServerSuffrage) raft.Server {
	return raft.Server{
		Suffrage: suffrage, ID: raft.ServerID(fmt.Sprintf("n%d", i)),
		Address: raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", i)),
	}
}

// diceState is a list of up to 9 voters and 4 nonvoters, and up to 3 newcomers, with
// evidence of all kinds, mostly consistent, and often a hair from a threshold.
func diceState(d dice, p Policy) State {
	p = p.withDefaults()
	s := State{
		Now: diceEpoch, Leading: 100 * p.DeadAfter, ConfigIndex: 50, LastIndex: 1000,
		View:    View{Warm: !d.rarely(10), Taken: diceEpoch},
		Contact: map[raft.ServerID]time.Duration{}, Replies: map[raft.ServerID]Reply{}, Known: map[raft.ServerID]uint64{},
		Recovered: d.rarely(40),
	}
	voters, nonvoters, newcomers := 1+d(9), [...]int{0, 1, 0, 2, 4}[d(5)], [...]int{0, 1, 2, 0, 3}[d(5)]
	total := voters + nonvoters + newcomers
	homes := dicePlaces(d, total)
	for i := range voters + nonvoters {
		e := diceServer(i, raft.Voter)
		if i >= voters {
			e.Suffrage = [...]raft.ServerSuffrage{raft.Nonvoter, raft.Nonvoter, raft.Staging}[d(3)]
		}
		if d.rarely(40) {
			e.Address = raft.ServerAddress(string(e.ID) + parkedSuffix)
		}
		s.Servers = append(s.Servers, e)
	}
	s.Local = diceServer(0, raft.Voter).ID
	if d.rarely(50) {
		s.Local = diceServer(d(total), raft.Voter).ID
	}
	trouble := [...]int{3, 6, 2, 1}[d(4)] // the smaller, the more servers have some
	for i := range total {
		m := diceEvidence(d, p, &s, i, homes[i], trouble)
		if !d.rarely(60) && !(i > 0 && d.rarely(25)) {
			s.View.Members = append(s.View.Members, m)
		}
	}
	diceOddities(d, p, &s)
	return s
}

// dicePlaces is where each server really is: at home, or moved, or in a circle.
func dicePlaces(d dice, total int) []raft.ServerAddress {
	homes := make([]raft.ServerAddress, total)
	for i := range homes {
		homes[i] = diceServer(i, raft.Voter).Address
	}
	switch d(6) {
	case 3: // some moved to where nobody was
		for range 1 + d(2) {
			i := d(total)
			homes[i] = diceServer(i+100, raft.Voter).Address
		}
	case 4: // some changed places
		for range 1 + d(3) {
			i, k := d(total), d(total)
			homes[i], homes[k] = homes[k], homes[i]
		}
	case 5: // one sits where another was
		homes[d(total)] = homes[d(total)]
	}
	return homes
}

// diceEvidence is what is known of the ith server. Contact and Replies are set in s.
func diceEvidence(d dice, p Policy, s *State, i int, home raft.ServerAddress, trouble int) Member {
	id := diceServer(i, raft.Voter).ID
	m := Member{ID: id, Address: home, Health: Alive, Since: s.Now.Add(-100 * p.AbsentAfter), Zone: [...]string{"", "a", "b"}[d(3)]}
	r := Reply{ID: id, Address: home, HasState: true, LastIndex: s.LastIndex, LastTerm: 3, Running: true, Servers: s.Servers, ConfigIndex: s.ConfigIndex}
	newcomer := i >= len(s.Servers)
	if newcomer && d.rarely(2) {
		r = Reply{ID: id, Address: home}
	}
	s.Replies[id] = r
	for often := trouble; d.rarely(often); often = 4 { // sometimes one thing comes after another
		diceTrouble(d, p, s, &m, &r)
	}
	return m
}

// diceTrouble is what may happen to a server.
func diceTrouble(d dice, p Policy, s *State, m *Member, r *Reply) {
	id := m.ID
	switch d(8) {
	case 0, 1: // it died
		s.Contact[id] = d.around(p.DeadAfter)
		if d.rarely(2) {
			s.Contact[id] = d.around(p.AbsentAfter)
		}
		m.Health, m.Since = [...]Health{Failed, Failed, Left, Leaving, Unknown}[d(5)], s.Now.Add(-d.around(p.DeadAfter))
		if m.Health == Leaving {
			m.Since = s.Now.Add(-d.around(p.AbsentAfter))
		}
		m.Forced = m.Health == Left && d.rarely(2)
		if !d.rarely(5) {
			delete(s.Replies, id)
		}
	case 2: // raft alone misses it
		s.Contact[id] = d.around(p.DeadAfter)
	case 3: // discovery alone misses it
		m.Health, m.Since = [...]Health{Failed, Left, Leaving, Unknown}[d(4)], s.Now.Add(-d.around(p.DeadAfter))
	case 4: // it is young, or has a wish
		m.Since = s.Now.Add(-d.around(p.StableFor))
		m.Nonvoter = d.rarely(3)
	case 5:
		delete(s.Replies, id)
	default:
		diceReply(d, p, s, m, r)
		s.Replies[id] = *r
	}
}

// diceReply makes the reply a strange one.
func diceReply(d dice, p Policy, s *State, m *Member, r *Reply) {
	switch d(9) {
	case 0:
		r.HasState, r.LastIndex, r.Running = false, 0, d.rarely(2)
	case 1:
		r.LastIndex -= uint64(d(20)) //nolint:gosec // small
		s.Known[m.ID] = s.LastIndex
	case 2:
		r.ID = [...]raft.ServerID{"n1", "n2", "stranger"}[d(3)]
	case 3:
		m.ClusterID = [...]string{"c1", "c2"}[d(2)]
		r.ClusterID = [...]string{"c1", "c2", ""}[d(3)]
	case 4:
		r.Servers = []raft.Server{diceServer(200, raft.Voter), {ID: m.ID, Address: r.Address}}
		r.ConfigIndex = [...]uint64{s.ConfigIndex, 49, 0}[d(3)]
	case 5:
		r.LastIndex -= [...]uint64{p.MaxLag + 1, p.MaxLag, p.MaxLag - 1}[d(3)]
	case 6:
		r.Leaving = true
	case 7:
		r.Running = false
	case 8:
		r.LastIndex += 5
	}
}

// diceOddities is what concerns no single server.
func diceOddities(d dice, p Policy, s *State) {
	if d.rarely(12) { // most of the view is lost
		s.View.Members = slices.DeleteFunc(s.View.Members, func(m Member) bool { return m.ID != s.Local && !d.rarely(3) })
	}
	if d.rarely(30) && len(s.View.Members) > 0 {
		twin := s.View.Members[d(len(s.View.Members))]
		twin.Address = [...]raft.ServerAddress{diceServer(150, raft.Voter).Address, twin.Address}[d(2)]
		twin.Health = [...]Health{twin.Health, Alive, Failed, Left, Leaving}[d(5)]
		twin.ClusterID = [...]string{twin.ClusterID, "c2"}[d(2)]
		s.View.Members = append(s.View.Members, twin)
	}
	if d.rarely(40) {
		s.Servers[d(len(s.Servers))].Address = "[::ffff:10.0.0.1]:8300" // another spelling of n1's
	}
	if d.rarely(4) {
		for range 1 + d(3) {
			s.Leaving = append(s.Leaving, s.Servers[d(len(s.Servers))].ID)
		}
	}
	if d.rarely(4) {
		for range 1 + d(2) {
			s.Removals = append(s.Removals, s.Now.Add(-d.around(p.RemovalEvery)))
		}
	}
	if d.rarely(8) {
		s.Leading = d.around(p.DeadAfter)
	}
}

// shuffled is the same state in another order.
func shuffled(d dice, s State) State {
	mix := func(n int, swap func(i, k int)) {
		for i := n - 1; i > 0; i-- {
			swap(i, d(i+1))
		}
	}
	s.Servers, s.View.Members = slices.Clone(s.Servers), slices.Clone(s.View.Members)
	s.Leaving, s.Removals = slices.Clone(s.Leaving), slices.Clone(s.Removals)
	mix(len(s.Servers), func(i, k int) { s.Servers[i], s.Servers[k] = s.Servers[k], s.Servers[i] })
	mix(len(s.View.Members), func(i, k int) {
		s.View.Members[i], s.View.Members[k] = s.View.Members[k], s.View.Members[i]
	})
	mix(len(s.Leaving), func(i, k int) { s.Leaving[i], s.Leaving[k] = s.Leaving[k], s.Leaving[i] })
	mix(len(s.Removals), func(i, k int) { s.Removals[i], s.Removals[k] = s.Removals[k], s.Removals[i] })
	return s
}

// diceChange is any change, sensible or not, of a server of the list or of the view.
func diceChange(d dice, s State) Change {
	id := diceServer(d(len(s.Servers)+3), raft.Voter).ID
	c := Change{Op: Op(1 + d(8))} //nolint:gosec // small
	for _, e := range s.Servers {
		if e.ID == id {
			c.Was = e
		}
	}
	if c.Server = c.Was; c.Server.ID == "" {
		c.Server.ID = id
	}
	for _, m := range s.View.Members {
		if m.ID == id && (c.Op == AddNonvoter || c.Op == Readdress) {
			c.Server.Address = m.Address
		}
	}
	switch c.Op {
	case AddNonvoter, Demote:
		c.Server.Suffrage = raft.Nonvoter
	case Promote:
		c.Server.Suffrage = raft.Voter
	case Park:
		c.Server.Address = raft.ServerAddress(string(id) + parkedSuffix)
	}
	return c
}
