// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// now is when everything in the model is looked at: everything it shows is older than
// any patience. That is the worst case; patience only ever forbids.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const longAgo = 24 * time.Hour

// state is what the Reconciler of leader i would gather.
func (w *world) state(i int) peers.State {
	n := &w.nodes[i]
	conf, at := n.config()
	s := peers.State{
		Now: now, Local: id(i), Leading: longAgo, ConfigIndex: uint64(at), LastIndex: uint64(n.n),
		Servers:   conf.servers(),
		View:      peers.View{Taken: now, Warm: true},
		Contact:   map[raft.ServerID]time.Duration{},
		Replies:   map[raft.ServerID]peers.Reply{},
		Known:     map[raft.ServerID]uint64{},
		Recovered: n.recovered && at == 1,
	}
	for k := range slots {
		place := conf.place[k]
		if w.shown(i, k) {
			place = w.nodes[k].place
			s.View.Members = append(s.View.Members, w.member(k))
		}
		if conf.suffrage[k] != absent && k != i {
			if j := w.dial(i, k); !w.reaches(i, j) || w.nodes[j].blank {
				s.Contact[id(k)] = longAgo
			}
			s.Known[id(k)] = uint64(n.match[k])
		}
		if j := w.at(place); w.reaches(i, j) && w.nodes[k].place != 0 {
			s.Replies[id(k)] = w.reply(j)
		}
	}
	return s
}

func (l list) servers() (servers []raft.Server) {
	for k, suffrage := range l.suffrage {
		switch suffrage {
		case voter:
			servers = append(servers, raft.Server{ID: id(k), Address: addr(l.place[k], k), Suffrage: raft.Voter})
		case nonvoter:
			servers = append(servers, raft.Server{ID: id(k), Address: addr(l.place[k], k), Suffrage: raft.Nonvoter})
		}
	}
	return servers
}

// shown reports whether discovery at i has server k. It always has i itself.
func (w *world) shown(i, k int) bool {
	return w.nodes[k].place != 0 && !w.nodes[k].dead && (k == i || w.hidden>>k&1 == 0)
}

func (w *world) member(k int) peers.Member {
	m := peers.Member{ID: id(k), Address: addr(w.nodes[k].place, k), Health: peers.Failed, Since: now.Add(-longAgo)}
	if w.nodes[k].up {
		m.Health = peers.Alive
	}
	return m
}

func (w *world) reply(j int) peers.Reply {
	n := &w.nodes[j]
	conf, at := n.config()
	return peers.Reply{
		ID: id(j), Address: addr(n.place, j), HasState: !n.blank, Running: !n.blank, Leading: n.leads, Leaving: n.leaving,
		Term: uint64(n.term), LastTerm: uint64(n.lastTerm()), LastIndex: uint64(n.n), Servers: conf.servers(), ConfigIndex: uint64(at),
	}
}

// planner decides for leader i. The real one is a Policy; the controls lack a rule.
type planner func(w *world, i int) *peers.Change

// policy is what a Reconciler does: plan, and have it checked.
func policy(p peers.Policy) planner {
	return func(w *world, i int) *peers.Change {
		s := w.state(i)
		plan := p.Plan(s)
		if plan.Next == nil || p.Check(s, *plan.Next) != nil {
			return nil
		}
		return plan.Next
	}
}

// decide keeps what the planner wants, to be done later: much can happen meanwhile.
func (w *world) decide(i int, c *peers.Change) {
	_, at := w.nodes[i].config()
	k := slotOf(c.Server.ID)
	w.pending = pending{uint8(i + 1), at, c.Op, uint8(k), placeOf(c.Server.Address), w.well(i, k) && !w.nodes[k].leaving}
}

// execute does what was decided. raft compares the index of the list, unless blind.
func (w *world) execute(blind bool) *violation {
	p := w.pending
	w.pending = pending{}
	i, k := int(p.by)-1, int(p.slot)
	n := &w.nodes[i]
	conf, at := n.config()
	if at != p.base && !blind {
		return nil
	}
	switch p.op {
	case peers.AddNonvoter:
		conf.suffrage[k], conf.place[k] = max(conf.suffrage[k], nonvoter), p.place
	case peers.Promote:
		conf.suffrage[k], conf.place[k] = voter, p.place
	case peers.Readdress, peers.Park:
		conf.suffrage[k], conf.place[k] = max(conf.suffrage[k], nonvoter), p.place
	case peers.Demote:
		conf.suffrage[k] = min(conf.suffrage[k], nonvoter)
	case peers.Remove:
		if conf.suffrage[k] == voter && p.fine {
			return broken("M4", "%s lives and loses its vote: one more failure is one too many", id(k))
		}
		conf.suffrage[k], conf.place[k], n.match[k] = absent, 0, 0
	case peers.Handover:
		_, v := w.elect(k)
		return v
	}
	if conf.voters() == 0 {
		return nil // raft.go, checkConfiguration
	}
	return w.add(i, entry{term: n.term, kind: change, list: conf})
}

// well reports whether leader i reaches server k where the list says, and k has its disk.
func (w *world) well(i, k int) bool {
	return w.dial(i, k) == k && w.reaches(i, k) && !w.nodes[k].blank
}

func slotOf(of raft.ServerID) int { return int(of[1] - '1') }

func placeOf(a raft.ServerAddress) uint8 {
	for place := uint8(1); place < 2*slots+1; place++ {
		if addr(place, 0) == a {
			return place
		}
	}
	return 0
}
