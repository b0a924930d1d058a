// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"hash/maphash"
	"math/rand/v2"
)

// steps lists what can happen next: faults, and what raft and the planner do.
type checker struct {
	limits limits
	plan   planner
	seed   maphash.Seed
	seen   map[uint64]struct{}
	faults []fault
	every  int // of so many new worlds, one is played to the end of all faults
	ends   int // worlds in which the end of all faults was played
	moves  int // changes of lists
}

func newChecker(l limits, p planner) *checker {
	return &checker{limits: l, plan: p, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, faults: l.faultsOf(), every: 8}
}

// fresh reports whether a world was never seen.
func (c *checker) fresh(w world) bool {
	sum := maphash.Comparable(c.seed, w)
	_, seen := c.seen[sum]
	c.seen[sum] = struct{}{}
	return !seen
}

// choices is how many ways there are to go on, some of which lead nowhere.
func (c *checker) choices() int {
	n := c.limits.servers
	return len(c.faults) + n + n + n + 1 + n*n
}

// take goes one way. false: it leads nowhere.
func (c *checker) take(w *world, way int) (bool, *violation) {
	n := c.limits.servers
	switch {
	case way < len(c.faults):
		if w.faults >= c.limits.faults || !c.faults[way](w, c.limits) {
			return false, nil
		}
		w.faults++
		return true, nil
	case way < len(c.faults)+n:
		return c.stand(w, way-len(c.faults))
	case way < len(c.faults)+2*n:
		return c.write(w, way-len(c.faults)-n)
	case way < len(c.faults)+3*n:
		return c.reconcile(w, way-len(c.faults)-2*n), nil
	case way == len(c.faults)+3*n:
		return c.act(w)
	}
	way -= len(c.faults) + 3*n + 1
	before := *w
	v := w.send(way/n, way%n)
	return *w != before, v
}

func (c *checker) stand(w *world, i int) (bool, *violation) {
	if w.nodes[i].term >= c.limits.term || w.nodes[i].n >= c.limits.log {
		return false, nil
	}
	return c.elect(w, i)
}

// elect leaves the foreign cluster alone, as long as it is one.
func (c *checker) elect(w *world, i int) (bool, *violation) {
	if conf, _ := w.nodes[i].config(); c.limits.foreign && conf.voters() == 1 && conf.suffrage[c.limits.servers-1] == voter {
		return false, nil
	}
	return w.elect(i)
}

func (c *checker) write(w *world, i int) (bool, *violation) {
	n := &w.nodes[i]
	if !n.leads || !n.up || n.n >= c.limits.log {
		return false, nil
	}
	return true, w.add(i, entry{term: n.term, kind: write})
}

// reconcile lets leader i decide.
func (c *checker) reconcile(w *world, i int) bool {
	n := &w.nodes[i]
	if !n.up || n.n >= c.limits.log || !n.open() {
		return false
	}
	before := w.pending
	if change := c.plan(w, i); change != nil {
		w.decide(i, change)
	}
	return w.pending != before
}

// act lets a leader do what it has decided, if raft takes it.
func (c *checker) act(w *world) (bool, *violation) {
	i := int(w.pending.by) - 1
	if i < 0 || !w.nodes[i].up || !w.nodes[i].open() || w.nodes[i].n >= c.limits.log {
		return false, nil
	}
	c.moves++
	return true, w.execute(c.limits.blind)
}

// all walks through every world that can be reached by so many faults, fewest faults
// first. What the cluster does between them is in whole strokes: an election, a write
// that waits, all messages of a leader, a decision with its execution. The random walks
// do the same in single steps.
func (c *checker) all() *violation {
	first := c.limits.begin()
	c.fresh(first)
	for level := []world{first}; len(level) > 0; {
		var next []world
		for len(level) > 0 {
			at := level[len(level)-1]
			level = level[:len(level)-1]
			for way := range len(c.faults) + 4*c.limits.servers {
				w := at
				ok, v := c.stroke(&w, way)
				if v != nil {
					return c.explain(v, at, w)
				}
				faults := w.faults
				if w.faults = 0; !ok || !c.fresh(w) {
					continue
				}
				if w.faults = faults; faults > at.faults {
					next = append(next, w)
				} else {
					level = append(level, w)
				}
				if len(c.seen)%c.every != 0 {
					continue
				}
				if v := c.end(w); v != nil {
					return c.explain(v, at, w)
				}
			}
		}
		level = next
	}
	return nil
}

// stroke goes one way of all.
func (c *checker) stroke(w *world, way int) (bool, *violation) {
	n := c.limits.servers
	if way < len(c.faults)+2*n {
		if i := way - len(c.faults); i >= 0 && i < n && w.follows(i) || i >= n && w.nodes[i-n].commit != w.nodes[i-n].n {
			return false, nil // it hears a leader; a write waits already
		}
		return c.take(w, way)
	}
	i := way - len(c.faults) - 2*n
	if i < n {
		if !c.reconcile(w, i) {
			return false, nil
		}
		c.moves++
		return true, w.execute(c.limits.blind)
	}
	before := *w
	for k := range slots {
		if v := w.send(i-n, k); v != nil {
			return true, v
		}
	}
	return *w != before, nil
}

// follows reports whether server i hears a leader: it does not stand then.
func (w *world) follows(i int) bool {
	for j := range w.nodes {
		if n := &w.nodes[j]; n.leads && n.term >= w.nodes[i].term && w.dial(j, i) == i && w.reaches(j, i) {
			return true
		}
	}
	return false
}

// walk goes random ways from the beginning until it has seen so many worlds.
func (c *checker) walk(seed uint64, worlds, length int) *violation {
	rng := rand.New(rand.NewPCG(seed, 0))
	for tries := 0; len(c.seen) < worlds && tries < worlds; tries++ {
		w := c.limits.begin()
		for range length {
			before := w
			ok, v := c.take(&w, c.lean(rng))
			if v != nil {
				return c.explain(v, before, w)
			}
			if !ok {
				w = before
				continue
			}
			if c.fresh(w) && rng.IntN(c.every) == 0 {
				if v := c.end(w); v != nil {
					return c.explain(v, before, w)
				}
			}
		}
	}
	return nil
}

// lean prefers what raft does to what befalls it, or nothing would ever be committed.
func (c *checker) lean(rng *rand.Rand) int {
	n := c.limits.servers
	switch rng.IntN(8) {
	case 0:
		return rng.IntN(len(c.faults))
	case 1, 2: // decisions, and what comes of them
		return len(c.faults) + 2*n + rng.IntN(n+1)
	}
	return len(c.faults) + rng.IntN(c.choices()-len(c.faults))
}

func (c *checker) explain(v *violation, before, after world) *violation {
	v.detail += "\nbefore:\n" + before.String() + "after:\n" + after.String()
	return v
}

// end stops all faults and plays fair from there on: within a few rounds there must be
// a leader (M4), and the planner must come to rest (M5). More servers than a list can
// lose stay down only if an operator said so.
func (c *checker) end(w world) *violation {
	c.ends++
	w.apart, w.hidden = 0, 0
	if !c.restartAll(&w) {
		return nil
	}
	lead := -1
	for round := 0; round < slots && lead < 0; round++ {
		for i := range c.limits.servers {
			ok, v := c.elect(&w, i)
			if v != nil {
				return v
			}
			if ok {
				lead = i
			}
		}
		w.catchUpTerms()
	}
	if lead = w.leader(); lead < 0 {
		return broken("M4", "no leader although all faults stopped")
	}
	return c.rest(&w, lead)
}

// restartAll brings everybody back, unless every list that anybody holds can do
// without those who are down. It is false if more disks are lost than a list can lose.
func (c *checker) restartAll(w *world) bool {
	enough, known := true, false
	for i := range c.limits.servers {
		conf, at := w.nodes[i].config()
		if at == 0 || w.nodes[i].dead {
			continue
		}
		known = true
		down, lost := 0, 0
		for k, s := range conf.suffrage {
			if n := &w.nodes[k]; s == voter && n.blank {
				lost++
			} else if s == voter && !n.up {
				down++
			}
		}
		spare := conf.voters() - conf.quorum()
		if lost > spare {
			return false
		}
		enough = enough && lost+down <= spare
	}
	for i := range c.limits.servers {
		w.nodes[i].up = w.nodes[i].up || !enough && !w.nodes[i].dead
	}
	return known
}

// catchUpTerms is what failed elections do: raise the terms until one wins.
func (w *world) catchUpTerms() {
	var top uint8
	for i := range w.nodes {
		top = max(top, w.nodes[i].term)
	}
	for i := range w.nodes {
		if n := &w.nodes[i]; n.up && !n.blank && !n.leads {
			n.term = top
		}
	}
}

// leader is who leads the newest term, or -1.
func (w *world) leader() int {
	lead := -1
	for i := range w.nodes {
		if n := &w.nodes[i]; n.up && n.leads && (lead < 0 || n.term > w.nodes[lead].term) {
			lead = i
		}
	}
	return lead
}

// rest lets the leader work until its planner has nothing left to do.
func (c *checker) rest(w *world, lead int) *violation {
	for moves := 0; ; moves++ {
		for k := range slots {
			if v := w.send(lead, k); v != nil {
				return v
			}
		}
		n := &w.nodes[lead]
		if n.leads && n.commit != n.n {
			return broken("M4", "%s leads and cannot commit although all faults stopped", id(lead))
		}
		if !n.open() {
			return nil // another world goes on from here
		}
		change := c.plan(w, lead)
		if change == nil {
			return nil
		}
		if moves > 2*slots {
			return broken("M5", "after %d changes the planner still wants %v of %s", moves, change.Op, change.Server.ID)
		}
		w.decide(lead, change)
		if v := w.execute(c.limits.blind); v != nil {
			return v
		}
		if lead = w.leader(); lead < 0 {
			return nil
		}
	}
}
