// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"fmt"
	"strings"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// A model of a cluster, small enough to walk through all that can happen to it. raft is
// reduced to what decides about safety: terms, votes, logs, lists of servers, who
// reaches whom and by which address. What decides about the list is the real Policy.

const (
	slots   = 6  // servers of a world at most
	deepLog = 14 // room of a log; the walks stop adding at limits.log, the end of all faults needs more
)

// The suffrages of a list in the model.
const (
	absent uint8 = iota
	nonvoter
	voter
)

// list is a configuration: who has which suffrage and is dialled at which place.
// Place 0 is the parked one: nobody is there.
type list struct{ suffrage, place [slots]uint8 }

func (l list) voters() (n int) {
	for _, s := range l.suffrage {
		if s == voter {
			n++
		}
	}
	return n
}

func (l list) quorum() int { return l.voters()/2 + 1 }

type kind uint8

const (
	noop kind = iota + 1
	write
	change
)

type entry struct {
	term uint8
	kind kind
	list list // of a change
}

// node is a server of the model with its disk.
type node struct {
	log       [deepLog]entry
	n         uint8 // entries in log
	commit    uint8
	term      uint8
	voted     uint8 // in term: 1 + the slot; 0: nobody
	place     uint8 // where it is reached now
	up        bool
	leads     bool
	blank     bool // its disk was lost, or never held anything: raft does not run, see Boot
	dead      bool // it never comes back; an operator said so in a recovery
	leaving   bool
	recovered bool         // its list is the one of a recovery
	override  list         // that list
	since     uint8        // entries that were in its log at the recovery
	match     [slots]uint8 // of a leader: what each server acknowledged
}

// world is a state of the model. It is comparable: two equal worlds have one future.
type world struct {
	nodes  [slots]node
	apart  uint8          // bit i: server i is on the other side of a cut
	hidden uint8          // bit i: discovery does not show server i
	acked  [deepLog]uint8 // terms of the acknowledged entries, by index - 1; 0: none
	lossy  bool           // a recovery said that it may lose writes
	faults uint8          // that were inflicted
	wipes  uint8

	pending pending // what a leader has decided and not done yet
}

// pending is a decision between its making and its execution.
type pending struct {
	by, base uint8 // 1 + the slot of the leader, 0: none; index of the list it was made for
	op       peers.Op
	slot     uint8 // of the server it is about
	place    uint8
	fine     bool // it was well when that was decided, and did not want to leave
}

// limits bound a walk. They are no part of a world.
type limits struct {
	servers, voters int
	log, term       uint8
	faults, wipes   uint8

	foreign   bool // the last server was bootstrapped alone
	forgetful bool // control: whoever lost its disk starts raft, and votes
	allVote   bool // control: a recovery gives everybody a vote
	blind     bool // control: no compare-and-swap
	hasty     bool // recoveries are made although there is a quorum
}

// begin is a cluster of voters, bootstrapped and all up, with the others blank beside it.
func (l limits) begin() world {
	var w world
	var first list
	for i := range l.voters {
		first.suffrage[i], first.place[i] = voter, uint8(i+1)
	}
	for i := range l.servers {
		n := node{place: uint8(i + 1), up: true, blank: i >= l.voters}
		if !n.blank {
			n.log[0], n.n, n.term, n.commit = entry{term: 1, kind: change, list: first}, 1, 1, 1
		}
		if l.foreign && i == l.servers-1 {
			var own list
			own.suffrage[i], own.place[i] = voter, n.place
			n.log[0], n.n, n.term, n.commit, n.blank = entry{term: 1, kind: change, list: own}, 1, 1, 1, false
		}
		w.nodes[i] = n
	}
	w.acked[0] = 1
	return w
}

// config is a server's newest list, and the index of its entry; 0: it has none.
func (n *node) config() (list, uint8) {
	for i := int(n.n); i > 0; i-- {
		if n.recovered && i <= int(n.since) {
			return n.override, 1
		}
		if n.log[i-1].kind == change {
			return n.log[i-1].list, uint8(i)
		}
	}
	return list{}, 0
}

func (n *node) lastTerm() uint8 {
	if n.n == 0 {
		return 0
	}
	return n.log[n.n-1].term
}

// newer reports whether a's log is at least as new as b's, as raft's votes want it.
func (n *node) newer(o *node) bool {
	if n.lastTerm() != o.lastTerm() {
		return n.lastTerm() > o.lastTerm()
	}
	return n.n >= o.n
}

// at is the server that is reached at a place, or -1.
func (w *world) at(place uint8) int {
	for i := range w.nodes {
		if w.nodes[i].place == place && place != 0 {
			return i
		}
	}
	return -1
}

// dial is whom server i gets when it dials k: Addresses knows where discovery sees k, and
// otherwise the list has a place.
func (w *world) dial(i, k int) int {
	if w.shown(i, k) {
		return k
	}
	conf, _ := w.nodes[i].config()
	return w.at(conf.place[k])
}

// reaches reports whether a message from i gets to j.
func (w *world) reaches(i, j int) bool {
	return j >= 0 && w.nodes[i].up && w.nodes[j].up && (w.apart>>i^w.apart>>j)&1 == 0
}

func id(i int) raft.ServerID { return raft.ServerID(fmt.Sprintf("n%d", i+1)) }

func addr(place uint8, of int) raft.ServerAddress {
	if place == 0 {
		return raft.ServerAddress(id(of)) + ".parked.invalid:1"
	}
	return raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", place))
}

func (w world) String() string {
	var b strings.Builder
	for i := range w.nodes {
		n := &w.nodes[i]
		if n.place == 0 {
			continue
		}
		conf, at := n.config()
		fmt.Fprintf(&b, "%s term %d log", id(i), n.term)
		for _, e := range n.log[:n.n] {
			fmt.Fprintf(&b, " %d%s", e.term, [...]string{noop: "n", write: "w", change: "c"}[e.kind])
		}
		fmt.Fprintf(&b, " commit %d list@%d %v place %d", n.commit, at, conf, n.place)
		for flag, set := range map[string]bool{"up": n.up, "leads": n.leads, "blank": n.blank, "dead": n.dead, "leaving": n.leaving, "recovered": n.recovered} {
			if set {
				b.WriteString(" " + flag)
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "apart %b hidden %b acked %v lossy %v\n", w.apart, w.hidden, w.acked, w.lossy)
	return b.String()
}
