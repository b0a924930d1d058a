// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

var (
	three = limits{servers: 4, voters: 3, log: 5, term: 4, faults: 5, wipes: 1}
	all   = limits{servers: 3, voters: 3, log: 4, term: 3, faults: 4, wipes: 1}
	five  = limits{servers: 6, voters: 5, log: 5, term: 5, faults: 8, wipes: 2}
)

func target(l limits) peers.Policy { return peers.Policy{TargetVoters: l.voters} }

func found(t *testing.T, c *checker, v *violation, rules ...string) {
	t.Helper()
	require.NotNil(t, v, "%d worlds, %d changes of lists, %d ends: nothing found", len(c.seen), c.moves, c.ends)
	require.Contains(t, rules, v.rule, "%v", v)
	t.Logf("after %d worlds: %v", len(c.seen), v)
}

func (c *checker) sound(t *testing.T, v *violation) {
	t.Helper()
	if v != nil {
		require.Fail(t, "a counterexample", "%v", v)
	}
	t.Logf("%d worlds, %d changes of lists, %d ends of all faults", len(c.seen), c.moves, c.ends)
}

func TestModelWalk(t *testing.T) {
	for seed, l := range []limits{three, five, foreign(three)} {
		c := newChecker(l, policy(target(l)))
		c.sound(t, c.walk(uint64(seed), 3_000, 60))
		require.Positive(t, c.moves)
	}
}

func showNobody(w *world, _ limits) bool {
	was := w.hidden
	w.hidden = 1<<slots - 1
	return was != w.hidden
}

// A recovery that forgot one survivor (research: hashicorp's all-voters procedure).
// When the dead return, the one who was forgotten decides: without the re-assertion it
// still has the old list, and makes a second quorum with them.
func TestModelReassertion(t *testing.T) {
	for _, reassert := range []bool{true, false} {
		w := limits{servers: 5, voters: 5}.begin()
		_, v := w.elect(0)
		require.Nil(t, v)
		sendAll := func(i int) {
			for k := range slots {
				require.Nil(t, w.send(i, k))
			}
		}
		sendAll(0)
		sendAll(0)
		for i := range 5 {
			require.True(t, crash(i)(&w, limits{}))
		}
		list := list{suffrage: [slots]uint8{voter, voter, voter}, place: [slots]uint8{1, 2, 3}}
		for i := range 3 {
			w.nodes[i].up = true
			if n := &w.nodes[i]; i < 2 {
				n.recovered, n.override, n.since = true, list, n.n
			}
		}
		won, v := w.elect(0)
		require.Nil(t, v)
		require.True(t, won)
		sendAll(0)
		s := w.state(0)
		s.Recovered = reassert
		if next := target(three).Plan(s).Next; reassert {
			require.Equal(t, peers.Reassert, next.Op)
			w.decide(0, next)
			require.Nil(t, w.execute(false))
			sendAll(0)
		} else {
			require.Nil(t, next)
		}

		w.nodes[3].up, w.nodes[4].up, w.apart = true, true, 1<<0|1<<1
		require.Nil(t, w.add(0, entry{term: w.nodes[0].term, kind: write}))
		require.Nil(t, w.send(0, 1))
		for range 3 {
			for i := 2; i < 5; i++ {
				if won, v := w.elect(i); won || v != nil {
					require.False(t, reassert, "%v", w)
					require.Equal(t, "M3", v.rule)
					goto next
				}
			}
			w.catchUpTerms()
		}
		require.True(t, reassert, "the forgotten one and the dead make no second quorum: this control shows nothing\n%v", w)
	next:
	}
}

func foreign(l limits) limits {
	l.foreign = true
	return l
}

// Every world that two faults, and all that a cluster does between them, can lead to.
// The proof goes further.
func TestModelAll(t *testing.T) {
	l := all
	l.faults = 2
	c := newChecker(l, policy(target(l)))
	c.sound(t, c.all())
	require.Greater(t, len(c.seen), 10_000)
	require.Positive(t, c.moves)
}

// The controls: without the rule, the checker must find what it guards against.
func TestModelControls(t *testing.T) {
	const worlds = 300_000
	naive := func(f func(w *world, i int, s *peers.State)) planner {
		return func(w *world, i int) *peers.Change {
			s := w.state(i)
			f(w, i, &s)
			return target(three).Plan(s).Next
		}
	}
	t.Run("I1: a newcomer gets a vote at once", func(t *testing.T) {
		c := newChecker(three, func(w *world, i int) *peers.Change {
			s := w.state(i)
			for _, m := range s.View.Members {
				if conf, _ := w.nodes[i].config(); conf.suffrage[slotOf(m.ID)] == absent {
					return &peers.Change{Op: peers.Promote, Server: raft.Server{ID: m.ID, Address: m.Address}}
				}
			}
			return nil
		})
		found(t, c, c.walk(1, worlds, 60), "M4")
	})
	t.Run("I5: discovery alone is enough", func(t *testing.T) {
		c := newChecker(five, naive(func(w *world, i int, s *peers.State) {
			for k := range slots {
				if k != i && w.hidden>>k&1 != 0 {
					s.Contact[id(k)] = 1000 * time.Hour
					delete(s.Replies, id(k))
				}
			}
		}))
		found(t, c, c.walk(1, worlds, 60), "M4")
	})
	t.Run("I7: both witnesses lie about a majority, and there is no breaker", func(t *testing.T) {
		lie := func(w *world, i int, s *peers.State) {
			for k := range slots {
				if k != i && w.hidden>>k&1 != 0 {
					s.Contact[id(k)] = 1000 * time.Hour
					delete(s.Replies, id(k))
				}
			}
		}
		for _, breaker := range []bool{false, true} {
			c := newChecker(five, func(w *world, i int) *peers.Change {
				s := w.state(i)
				lie(w, i, &s)
				if breaker {
					return target(five).Plan(s).Next
				}
				for _, server := range s.Servers {
					if s.Contact[server.ID] > 0 && len(s.Servers) > 3 {
						return &peers.Change{Op: peers.Remove, Server: server}
					}
				}
				return nil
			})
			c.faults = []fault{showNobody, isolate(0), healCut}
			if v := c.walk(1, worlds/30, 60); breaker {
				c.sound(t, v)
			} else {
				found(t, c, v, "M4")
			}
		}
	})
	t.Run("I10: whoever answers is one of us", func(t *testing.T) {
		l := foreign(three)
		c := newChecker(l, naive(func(_ *world, _ int, s *peers.State) {
			for id, r := range s.Replies {
				r.Servers, r.ConfigIndex = nil, 0
				s.Replies[id] = r
			}
		}))
		found(t, c, c.walk(1, worlds, 60), "M2")
	})
	t.Run("I11: who lost its disk votes", func(t *testing.T) {
		l := three
		l.forgetful = true
		c := newChecker(l, policy(target(l)))
		found(t, c, c.walk(1, worlds, 60), "M1", "M2", "M3")
	})
	t.Run("no compare-and-swap", func(t *testing.T) {
		for _, blind := range []bool{true, false} {
			l := limits{servers: 2, voters: 1, log: 7, term: 4, faults: 4, wipes: 1, blind: blind}
			c := newChecker(l, policy(peers.Policy{}))
			if v := c.walk(1, worlds/30, 60); blind {
				found(t, c, v, "M4")
			} else {
				c.sound(t, v)
			}
		}
	})
	t.Run("a recovery in which everybody votes", func(t *testing.T) {
		for _, all := range []bool{true, false} {
			l := limits{servers: 5, voters: 5, log: 5, term: 5, faults: 5, hasty: true, allVote: all}
			c := newChecker(l, policy(target(l)))
			c.faults = nil
			for i := range l.servers {
				c.faults = append(c.faults, crash(i), recovery(i))
			}
			if v := c.walk(1, worlds/30, 60); all {
				found(t, c, v, "M3")
			} else {
				c.sound(t, v)
			}
		}
	})
}
