// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// listsInForce are the lists that servers may go by: the two newest of the best informed
// node, and what others hold from there on, which may be uncommitted leftovers. Each once,
// the newest first.
func listsInForce(nodes []Node, seed Node) []Configuration {
	oldest := seed.newest().Index
	if n := len(seed.Configs); n > 1 {
		oldest = seed.Configs[n-2].Index
	}
	var lists []Configuration
	add := func(c Configuration) {
		if c.Index >= oldest && !slices.ContainsFunc(lists, func(l Configuration) bool { return l.Digest == c.Digest }) {
			lists = append(lists, c)
		}
	}
	for _, c := range slices.Backward(seed.Configs) {
		add(c)
	}
	for _, n := range nodes {
		for _, c := range slices.Backward(n.Configs) {
			add(c)
		}
	}
	return lists
}

// majority is how many of n voters must be survivors to have seen everything that was
// acknowledged, and how many must be survivors or fenced for nobody to go on without us.
//
// A quorum of n has it. It also meets every quorum of every list that is one change away:
// had the others gone on to a list that we do not know, one of ours would hold its entry.
// The tempting bound is n - quorum + 1, which meets every quorum of n itself; for an
// even n it is one less. It is true only if the list was not changed any more: of the
// voters a and b, b may have become {b, c}, or {b}, and written on without a.
func (p *planning) majority(n int) int {
	if p.o.Settled {
		return n - quorum(n) + 1
	}
	return quorum(n)
}

// lossless proves that the seed holds every acknowledged write, or says why it cannot.
//
// If survivors meet every quorum that could have acknowledged anything, one of them holds
// it, and then so does the one that ends last: of two logs that end in one term the longer
// contains the other, and the leader of a later term had all that was committed before.
func (p *planning) lossless() (proven bool, why []string) {
	for _, list := range p.lists {
		all := votersOf(list.Servers)
		k := p.survivors(all)
		need := p.majority(len(all))
		why = append(why, fmt.Sprintf("%d of %d voters of list %s (index %d) survive, and %d are needed", k, len(all), list.Digest, list.Index, need))
		if k >= need {
			continue
		}
		if k > len(all)-quorum(len(all)) {
			why = append(why, "they are enough if the list was not changed after that, which Settled declares")
		}
		return false, why
	}
	if doubt := p.doubts(); len(doubt) > 0 {
		return false, append(why, doubt...)
	}
	if behind, m := p.behind(); p.o.AllVote && behind >= quorum(m) {
		return false, append(why, fmt.Sprintf("%d of %d voters lack entries of %s and are a quorum of the new list: if they start first, what they lack is gone", behind, m, p.seed.ID))
	}
	return true, append(why, fmt.Sprintf("so %s, which ends last, holds every acknowledged write", p.seed.ID))
}

// doubts are what makes raft's own promises void.
func (p *planning) doubts() (doubts []string) {
	for _, n := range p.blank {
		if slices.ContainsFunc(p.lists, func(c Configuration) bool { return slices.Contains(votersOf(c.Servers), n.ID) }) {
			doubts = append(doubts, fmt.Sprintf("%s lost its disk, and with it what it had acknowledged", n.ID))
		}
	}
	for _, n := range p.nodes {
		if n.Live {
			doubts = append(doubts, fmt.Sprintf("%s is live and tells only its newest list: stop it and read its directory", n.ID))
		}
		if slices.ContainsFunc(n.Findings, func(f Finding) bool { return f.Code == FoundForced }) {
			doubts = append(doubts, fmt.Sprintf("%s went through a recovery before", n.ID))
		}
	}
	if c := p.seed.newest(); c.Index == 1 && c.Term == 0 && !p.o.NeverForced {
		doubts = append(doubts, "the list has index 1 and comes from a snapshot, as after a recovery; NeverForced declares that there was none")
	}
	return doubts
}

// survivors counts those of ids whose state we have.
func (p *planning) survivors(ids []raft.ServerID) (k int) {
	for _, n := range p.nodes {
		if slices.Contains(ids, n.ID) {
			k++
		}
	}
	return k
}

// behind counts the voters of an AllVote list, and those of them that hold less than the
// seed. A quorum that has one of the others elects nobody who lacks anything.
func (p *planning) behind() (behind, voters int) {
	for _, n := range p.nodes {
		if n.ID != p.seed.ID && !p.votes(n.ID) {
			continue
		}
		voters++
		if n.Last.compare(p.seed.Last) < 0 {
			behind++
		}
	}
	return behind, voters
}
