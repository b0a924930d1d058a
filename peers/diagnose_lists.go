// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// holding is a list, and who has it as its newest.
type holding struct {
	list    Configuration
	holders []raft.ServerID
	last    Entry // of the best informed of them
}

// holdings groups nodes by their newest list, the best informed group first.
func holdings(nodes []Node) []holding {
	var all []holding
	for _, n := range nodes {
		if len(n.Configs) == 0 {
			continue
		}
		at := slices.IndexFunc(all, func(h holding) bool { return h.list.Digest == n.newest().Digest })
		if at < 0 {
			at = len(all)
			all = append(all, holding{list: n.newest()})
		}
		h := &all[at]
		h.holders = append(h.holders, n.ID)
		if n.Last.compare(h.last) > 0 {
			h.last, h.list = n.Last, n.newest()
		}
	}
	slices.SortStableFunc(all, func(a, b holding) int { return b.last.compare(a.last) })
	return all
}

func (d *diagnosis) lists() {
	held := holdings(d.nodes)
	if len(held) > 1 {
		var parts []string
		for _, h := range held {
			parts = append(parts, fmt.Sprintf("%s: %s (index %d, %d voters)", join(h.holders), h.list.Digest, h.list.Index, len(votersOf(h.list.Servers))))
		}
		d.find(Warning, FoundListsVary, "", "the newest lists differ: "+strings.Join(parts, "; "),
			"a leader brings the others up to date; without one, plan a recovery, which writes one list for all")
	}
	disputes := d.disputes()
	d.findings = append(d.findings, disputes...)
	for i, h := range held {
		if i > 0 {
			d.oldHolders(h, held[0], len(disputes) > 0)
		}
		d.shape(h)
	}
}

// oldHolders looks for the split brain of a recovery that left somebody out: those who
// hold the old list, and those of it whom nobody sees, elect a leader of their own.
func (d *diagnosis) oldHolders(h, newest holding, disputed bool) {
	var could []raft.ServerID
	all := votersOf(h.list.Servers)
	for _, id := range all {
		seen := slices.ContainsFunc(d.nodes, func(n Node) bool { return n.ID == id && n.HasState })
		if slices.Contains(h.holders, id) || !seen {
			could = append(could, id)
		}
	}
	if len(could) < quorum(len(all)) {
		return
	}
	severity := Warning // raft itself keeps an outvoted minority from this
	if disputed {
		severity = Critical
	}
	d.find(severity, FoundOldHolders, "",
		fmt.Sprintf("%s may hold the older list %s, and are a quorum of it (%d of %d voters), while %s hold %s",
			join(could), h.list.Digest, len(could), len(all), join(newest.holders), newest.list.Digest),
		"keep them stopped until the leader of the newer list has written it into the log (re-assertion), or fence them")
}

func (d *diagnosis) shape(h holding) {
	switch n := len(votersOf(h.list.Servers)); {
	case len(h.list.Servers) == 1:
		d.find(Warning, FoundSingle, h.list.Servers[0].ID, fmt.Sprintf("the list of %s has a single entry", join(h.holders)),
			"if other servers should be in it, they are not members and must be added; never give each server a list of itself: each becomes a leader")
	case n > 0 && n%2 == 0:
		d.find(Info, FoundEven, "", fmt.Sprintf("list %s has %d voters, and survives as few failures as %d would", h.list.Digest, n, n-1),
			"add a voter, or demote one")
	}
}

// disputes are the pairs of nodes that cannot be of one cluster, or not without a forced
// recovery in between: one finding for each kind, of the first pair.
func (d *diagnosis) disputes() []Finding {
	var found []Finding
	for i, a := range d.nodes {
		for _, b := range d.nodes[i+1:] {
			if f, bad := dispute(a, b); bad && !slices.ContainsFunc(found, func(o Finding) bool { return o.Code == f.Code }) {
				found = append(found, f)
			}
		}
	}
	return found
}

// dispute compares what two nodes say of the same part of the log.
func dispute(a, b Node) (Finding, bool) {
	for i, ca := range a.Configs {
		for j, cb := range b.Configs {
			if ca.Index == 0 || ca.Index != cb.Index || ca.Digest == cb.Digest {
				continue
			}
			sameEntry := ca.Term != 0 && ca.Term == cb.Term
			if sameEntry || (a.committed(i) && b.committed(j)) {
				return Finding{
					Code: FoundConflict, Severity: Critical, Server: a.ID,
					Detail: fmt.Sprintf("the list at index %d is %s on %s and %s on %s: two bootstraps, two clusters, or a recovery of only one of them",
						ca.Index, ca.Digest, a.name(), cb.Digest, b.name()),
					Advice: "keep one side; back up the data of the other, wipe it, and add its servers again as nonvoters",
				}, true
			}
		}
	}
	for _, pair := range [2][2]Node{{a, b}, {b, a}} {
		if c, ok := pair[0].jumped(pair[1]); ok {
			return Finding{
				Code: FoundForced, Severity: Critical, Server: pair[0].ID,
				Detail: fmt.Sprintf("%s ends at index %d and holds the list of index %d, but %s has a committed list at index %d: a recovery was forced on one of them",
					pair[0].name(), pair[0].Last.Index, pair[0].newest().Index, pair[1].name(), c.Index),
				Advice: "give every server the same peers.json, or leave this one out, wiped",
			}, true
		}
	}
	return Finding{}, false
}

// committed reports whether the i-th list of n must be: all but the last are, by raft's
// rule of one change at a time (raft.go, configurationChangeChIfStable), and so are a
// bootstrap's and those of snapshots, which have no term here. A live server does not
// tell its term either, and claims nothing.
func (n Node) committed(i int) bool {
	return i < len(n.Configs)-1 || n.Configs[i].Index == 1 || (n.Configs[i].Term == 0 && !n.Live)
}

// jumped finds a committed list of other that n must have if both share one log, and
// has not: RecoverCluster puts its list at index 1, whatever came before (api.go).
func (n Node) jumped(other Node) (Configuration, bool) {
	if n.Live || other.Live || len(n.Configs) == 0 {
		return Configuration{}, false
	}
	for i, c := range other.Configs {
		if other.committed(i) && n.newest().Index < c.Index && c.Index <= n.Last.Index && n.Last.Term >= other.committedIn(i) {
			return c, true
		}
	}
	return Configuration{}, false
}

// committedIn is a term by which the i-th list, a committed one, was committed. The
// term of its own entry would be too low: a later leader may have committed it, and a
// log that ends between the two need not have it.
func (n Node) committedIn(i int) uint64 {
	if i+1 < len(n.Configs) && n.Configs[i+1].Term != 0 {
		return n.Configs[i+1].Term
	}
	return n.Term
}

func (n Node) name() string { return cmp.Or(string(n.ID), n.Dir, "a node without a name") }
