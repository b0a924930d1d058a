// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import "fmt"

// What raft does in the model. Each step is atomic; what can happen in between happens
// by other steps before or after it.

// violation is a broken promise: M1 to M5 of the checker.
type violation struct{ rule, detail string }

func (v *violation) Error() string { return v.rule + ": " + v.detail }

func broken(rule, format string, args ...any) *violation {
	return &violation{rule, fmt.Sprintf(format, args...)}
}

// elect lets server i stand for election, and win or lose it at once.
func (w *world) elect(i int) (bool, *violation) {
	n := &w.nodes[i]
	conf, _ := n.config()
	if !n.up || n.blank || n.leads || conf.suffrage[i] != voter || int(n.n) == deepLog {
		return false, nil
	}
	term, votes := n.term+1, 1
	for k := range slots {
		j := w.dial(i, k)
		if k == i || conf.suffrage[k] != voter || !w.reaches(i, j) || j == i {
			continue
		}
		if w.nodes[j].grants(n, i, term) {
			votes++
		}
	}
	if votes < conf.quorum() {
		return false, nil
	}
	return true, w.win(i, term)
}

// grants is raft's requestVote, as far as the list and the log decide.
func (n *node) grants(candidate *node, i int, term uint8) bool {
	if n.blank || term <= n.term || !candidate.newer(n) {
		return false
	}
	conf, at := n.config()
	return at == 0 || conf.suffrage[i] == voter
}

func (w *world) win(i int, term uint8) *violation {
	n := &w.nodes[i]
	conf, _ := n.config()
	for k := range slots {
		if j := w.dial(i, k); k != i && conf.suffrage[k] == voter && w.reaches(i, j) && w.nodes[j].grants(n, i, term) {
			w.nodes[j].term, w.nodes[j].voted, w.nodes[j].leads = term, uint8(i+1), false
		}
	}
	for j := range w.nodes {
		if other := &w.nodes[j]; j != i && other.leads && other.term == term && other.shares(conf) {
			return broken("M1", "%s and %s lead in term %d", id(i), id(j), term)
		}
	}
	for at, t := range w.acked {
		if t != 0 && !w.lossy && (at >= int(n.n) || n.log[at].term != t) {
			return broken("M3", "%s leads in term %d without the acknowledged entry %d of term %d", id(i), term, at+1, t)
		}
	}
	n.term, n.voted, n.leads = term, uint8(i+1), true
	n.match = [slots]uint8{}
	return w.add(i, entry{term: term, kind: noop})
}

// shares reports whether a server's list has a voter of another list: they are one cluster.
func (n *node) shares(l list) bool {
	conf, _ := n.config()
	for k := range slots {
		if conf.suffrage[k] == voter && l.suffrage[k] == voter {
			return true
		}
	}
	return false
}

// add appends an entry at a leader.
func (w *world) add(i int, e entry) *violation {
	n := &w.nodes[i]
	n.log[n.n] = e
	n.n++
	n.match[i] = n.n
	return w.advance(i)
}

// send brings server k of the leader's list, or whoever is at its address, up to date.
func (w *world) send(i, k int) *violation {
	n := &w.nodes[i]
	conf, _ := n.config()
	j := w.dial(i, k)
	if k == i || !n.leads || conf.suffrage[k] == absent || !w.reaches(i, j) || j == i {
		return nil
	}
	to := &w.nodes[j]
	switch {
	case to.blank && conf.suffrage[j] != nonvoter:
		return nil // Boot lets it wait until somebody shows that it has no vote to lose
	case to.term > n.term:
		n.leads = false
		return nil
	}
	for c := range min(to.commit, n.n) {
		if to.log[c] != n.log[c] && !w.lossy {
			return broken("M2", "entry %d, which %s has committed, is overwritten by %s", c+1, id(j), id(i))
		}
	}
	to.blank, to.term, to.leads = false, n.term, false
	if n.recovered && !to.matches(n) { // by a snapshot, with its list
		to.recovered, to.override, to.since = true, n.override, n.since
	}
	to.log, to.n = n.log, n.n
	to.commit = max(to.commit, n.commit)
	n.match[k] = n.n
	return w.advance(i)
}

// matches reports whether a server has the last entry that a recovered leader kept, so
// that raft sends it what follows, and neither the snapshot nor its list.
func (n *node) matches(leader *node) bool {
	last := leader.since
	return n.n >= last && (last == 0 || n.log[last-1].term == leader.log[last-1].term)
}

// advance commits what a quorum of the newest list has.
func (w *world) advance(i int) *violation {
	n := &w.nodes[i]
	conf, _ := n.config()
	for at := n.n; at > n.commit && n.log[at-1].term == n.term; at-- {
		holders := 0
		for k := range slots {
			if conf.suffrage[k] == voter && n.match[k] >= at {
				holders++
			}
		}
		if holders < conf.quorum() {
			continue
		}
		for c := n.commit; c < at; c++ {
			if t := w.acked[c]; t != 0 && t != n.log[c].term && !w.lossy {
				return broken("M2", "entry %d is committed with term %d and with term %d", c+1, t, n.log[c].term)
			}
			w.acked[c] = n.log[c].term
		}
		n.commit = at
		if conf.suffrage[i] != voter {
			n.leads = false // raft.go, leaderLoop: it stops, or steps down
		}
	}
	return nil
}

// open reports whether a leader may append a list: it has committed in its term, and no
// list is under way (raft.go, configurationChangeChIfStable).
func (n *node) open() bool {
	_, at := n.config()
	return n.leads && n.commit > 0 && n.log[n.commit-1].term == n.term && at <= n.commit && int(n.n) < deepLog
}
