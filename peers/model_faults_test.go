// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

// What befalls the cluster. Each returns false if it cannot happen now.

type fault func(w *world, l limits) bool

// faults lists everything that can happen to a world, in a fixed order.
func (l limits) faultsOf() (all []fault) {
	for i := range l.servers {
		all = append(all, crash(i), restart(i), wipe(i), move(i), swap(i, (i+1)%l.servers), isolate(i), leave(i), recovery(i), scrap(i))
	}
	return append(all, healCut, halve, hideOthers, showAll)
}

func crash(i int) fault {
	return func(w *world, _ limits) bool {
		n := &w.nodes[i]
		was := n.up
		n.up, n.leads, n.leaving, n.match = false, false, false, [slots]uint8{}
		return was
	}
}

func restart(i int) fault {
	return func(w *world, _ limits) bool {
		n := &w.nodes[i]
		was := n.up
		n.up = !n.dead
		return !was && n.up
	}
}

// wipe takes the disk of a server that is down.
func wipe(i int) fault {
	return func(w *world, l limits) bool {
		n := &w.nodes[i]
		if n.up || n.blank || w.wipes >= l.wipes {
			return false
		}
		w.wipes++
		*n = node{place: n.place, blank: !l.forgetful, dead: n.dead}
		return true
	}
}

// move gives a server that is down another address.
func move(i int) fault {
	return func(w *world, l limits) bool {
		n := &w.nodes[i]
		if n.up || n.place > uint8(l.servers) {
			return false
		}
		n.place += slots
		return true
	}
}

// swap exchanges the addresses of two servers that are down.
func swap(i, j int) fault {
	return func(w *world, _ limits) bool {
		a, b := &w.nodes[i], &w.nodes[j]
		if i == j || a.up || b.up {
			return false
		}
		a.place, b.place = b.place, a.place
		return true
	}
}

func isolate(i int) fault {
	return func(w *world, _ limits) bool {
		was := w.apart
		w.apart = 1 << i
		return was != w.apart
	}
}

func healCut(w *world, _ limits) bool {
	was := w.apart
	w.apart = 0
	return was != 0
}

func halve(w *world, l limits) bool {
	was := w.apart
	w.apart = 1<<(l.voters/2) - 1
	return was != w.apart
}

func leave(i int) fault {
	return func(w *world, _ limits) bool {
		n := &w.nodes[i]
		was := n.leaving
		n.leaving = n.up && !n.blank
		return !was && n.leaving
	}
}

// hideOthers makes discovery show the lower half of the servers only.
func hideOthers(w *world, l limits) bool {
	was := w.hidden
	w.hidden = (1<<l.servers - 1) &^ (1<<((l.servers+1)/2) - 1)
	return was != w.hidden
}

func showAll(w *world, _ limits) bool {
	was := w.hidden
	w.hidden = 0
	return was != 0
}

// recovery is a recovery by the one-voter list: the operator declares everybody dead
// who is down, and the best of the rest becomes the only voter. It is done only when the
// list has no quorum left, and only from server i if i is the best.
func recovery(i int) fault {
	return func(w *world, l limits) bool {
		n := &w.nodes[i]
		conf, at := n.config()
		if !n.up || n.blank || at == 0 || w.quorumUp(conf) && !l.hasty {
			return false
		}
		for j := range w.nodes {
			if o := &w.nodes[j]; o.up && !o.blank && (!n.newer(o) || o.newer(n) && j < i) {
				return false
			}
		}
		w.lossy = w.lossy || !w.lossless(conf) || !w.lossless(n.previous())
		w.takeIn(i, conf, l)
		return true
	}
}

func (w *world) quorumUp(conf list) bool {
	up := 0
	for k, s := range conf.suffrage {
		if s == voter && w.nodes[k].up && !w.nodes[k].blank {
			up++
		}
	}
	return up >= conf.quorum()
}

// lossless is the rule of PlanRecovery, for the newest list and the one before it.
func (w *world) lossless(conf list) bool {
	survivors, n := 0, conf.voters()
	for k, s := range conf.suffrage {
		if s == voter && w.nodes[k].up && !w.nodes[k].blank {
			survivors++
		}
	}
	return w.wipes == 0 && survivors > n-conf.quorum()
}

// previous is the list before the newest one, or that if there is no other.
func (n *node) previous() list {
	newest, at := n.config()
	for i := int(at) - 1; i > 0; i-- {
		if n.log[i-1].kind == change {
			return n.log[i-1].list
		}
	}
	return newest
}

// takeIn gives all survivors one list: the best the only voter, the rest nonvoters.
func (w *world) takeIn(best int, old list, l limits) {
	var next list
	for j := range l.servers {
		if n := &w.nodes[j]; n.up && !n.blank {
			if next.suffrage[j], next.place[j] = nonvoter, n.place; l.allVote {
				next.suffrage[j] = voter
			}
		} else if old.suffrage[j] != absent {
			n.dead = true
		}
	}
	next.suffrage[best] = voter
	for j := range l.servers {
		if n := &w.nodes[j]; n.up && !n.blank {
			n.leads, n.recovered, n.override, n.since = false, true, next, n.n
		}
	}
	n := &w.nodes[best]
	for n.commit = 0; n.commit < n.n; n.commit++ { // raft commits all it has
		if w.acked[n.commit] == 0 {
			w.acked[n.commit] = n.log[n.commit].term
		}
	}
}

// scrap is an operator who removes a nonvoter by hand and takes the machine away.
func scrap(k int) fault {
	return func(w *world, l limits) bool {
		i := w.leader()
		if i < 0 || !w.nodes[i].open() || w.nodes[i].n >= l.log {
			return false
		}
		conf, _ := w.nodes[i].config()
		if conf.suffrage[k] != nonvoter {
			return false
		}
		conf.suffrage[k], conf.place[k], w.nodes[i].match[k] = absent, 0, 0
		w.nodes[k].up, w.nodes[k].dead, w.nodes[k].leads = false, true, false
		return w.add(i, entry{term: w.nodes[i].term, kind: change, list: conf}) == nil
	}
}
