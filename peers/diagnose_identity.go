// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

func (d *diagnosis) identities() {
	b, _ := best(d.nodes)
	for _, n := range d.nodes {
		if !n.HasState && n.ID != "" && slices.Contains(votersOf(b.newest().Servers), n.ID) {
			d.find(Critical, FoundAmnesia, n.ID, fmt.Sprintf("%s is blank, but a voter in list %s of %s", n.name(), b.newest().Digest, b.name()),
				"do not start it: it would vote as if it had never voted. Demote or remove it first, then let it join as a nonvoter")
		}
	}
	for i, a := range d.nodes {
		for _, b := range d.nodes[i+1:] {
			d.clone(a, b)
		}
	}
	for _, h := range holdings(d.nodes) {
		d.aliases("list "+h.list.Digest.String(), h.list.Servers)
	}
}

func (d *diagnosis) clone(a, b Node) {
	const advice = "keep the one that really is this server; never start two with one id or one history of votes"
	switch {
	case a.ID != "" && a.ID == b.ID:
		d.find(Critical, FoundClone, a.ID, fmt.Sprintf("two nodes claim id %q: %s and %s", string(a.ID), a.where(), b.where()), advice)
	case sameSnapshots(a.Snapshots, b.Snapshots):
		d.find(Critical, FoundClone, b.ID, fmt.Sprintf("%s holds the very snapshots of %s (%s): one is a copy of the other's disk", b.name(), a.name(), a.Snapshots[0].ID), advice)
	}
}

// sameSnapshots compares ids. A file store makes them of the millisecond in which a
// server took or received the snapshot, so two servers never share all of theirs; ids
// without a time prove nothing.
func sameSnapshots(a, b []Snapshot) bool {
	return len(a) > 0 && slices.EqualFunc(a, b, func(x, y Snapshot) bool {
		return x.ID == y.ID && !x.Taken.IsZero() && x.Taken.Equal(y.Taken)
	})
}

func (n Node) where() string {
	switch {
	case n.Dir != "":
		return n.Dir
	case n.Live:
		return "a live server"
	default:
		return "a node without a directory"
	}
}

// aliases finds entries that lead to one process: raft counts its one vote twice.
func (d *diagnosis) aliases(where string, servers []raft.Server) {
	at := map[string]raft.ServerID{}
	for _, s := range servers {
		address := canonical(s.Address)
		if first, taken := at[address]; taken && first != s.ID {
			d.find(Critical, FoundAlias, s.ID, fmt.Sprintf("%s: %s and %s are both at %s, and one process would vote for two", where, first, s.ID, address),
				"find out which of them is there, and remove or readdress the other")
			continue
		}
		at[address] = s.ID
	}
}

// compareView lays what discovery shows beside the list of the best informed.
func (d *diagnosis) compareView() {
	b, _ := best(d.nodes)
	listed := b.newest().Servers
	var seen []raft.Server
	clusters := map[string]bool{}
	for _, m := range d.view.Members {
		if m.ClusterID != "" {
			clusters[m.ClusterID] = true
		}
		if m.Health != Alive {
			continue
		}
		seen = append(seen, raft.Server{ID: m.ID, Address: m.Address})
		d.member(m, listed)
	}
	if len(clusters) > 1 {
		d.find(Critical, FoundForeign, "", fmt.Sprintf("discovery shows servers of %d clusters", len(clusters)),
			"separate them: give each its own discovery name or key")
	}
	d.aliases("discovery", seen)
	for _, s := range listed {
		known := func(m Member) bool { return m.ID == s.ID }
		node := func(n Node) bool { return n.ID == s.ID }
		if d.view.Warm && !slices.ContainsFunc(d.view.Members, known) && !slices.ContainsFunc(d.nodes, node) {
			d.find(Warning, FoundUnseen, s.ID, fmt.Sprintf("%s is in list %s, and nobody sees it", s.ID, b.newest().Digest),
				"if it is gone for good, remove it once there is a leader; if not, start it")
		}
	}
}

func (d *diagnosis) member(m Member, listed []raft.Server) {
	if len(listed) == 0 {
		return
	}
	i := slices.IndexFunc(listed, func(s raft.Server) bool { return s.ID == m.ID })
	switch {
	case i < 0:
		d.find(Warning, FoundUnlisted, m.ID, fmt.Sprintf("discovery shows %s alive at %s, and the list does not have it", m.ID, m.Address),
			"a leader can add it; without a leader it cannot join, whatever it is told")
	case canonical(listed[i].Address) != canonical(m.Address):
		d.find(Warning, FoundMoved, m.ID, fmt.Sprintf("%s is listed at %s, and discovery sees it at %s", m.ID, listed[i].Address, m.Address),
			"dial by id (NewAddresses); the leader then corrects the list")
	}
}
