// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"slices"

	"github.com/hashicorp/raft"
)

// What Diagnose finds.
const (
	FoundNoQuorum   Code = "no-quorum"    // too few voters are up: nothing can be written, nobody can join
	FoundNoLeader   Code = "no-leader"    // enough voters are up, and none knows a leader
	FoundStopped    Code = "stopped"      // nobody is up; the directories are enough for a quorum
	FoundListsVary  Code = "lists-vary"   // servers hold different lists
	FoundConflict   Code = "conflict"     // two lists that no single cluster can have written
	FoundForced     Code = "forced"       // a recovery put its list over the history of others
	FoundForeign    Code = "foreign"      // discovery shows servers of several clusters
	FoundOldHolders Code = "old-holders"  // holders of an older list could still elect by it
	FoundAmnesia    Code = "amnesia"      // a voter is blank: it lost its disk, and its votes
	FoundAlias      Code = "alias"        // two entries lead to one endpoint
	FoundClone      Code = "clone"        // two nodes are one server, or copies of one disk
	FoundUnlisted   Code = "unlisted"     // discovery shows a server that no list has
	FoundUnseen     Code = "unseen"       // a list has a server that nobody sees
	FoundMoved      Code = "moved"        // listed at one address, seen at another
	FoundEven       Code = "even-voters"  // an even number of voters
	FoundSingle     Code = "single-entry" // a list of one
	FoundStartOrder Code = "start-order"  // in a recovery where all vote, the order of the starts decides
)

// Diagnose says what is wrong with a cluster, from what its servers hold: nodes read
// from directories, or [NodeOf] the replies of live ones, or both; and from what
// discovery shows, if there is anything. It changes nothing and looks at nothing else.
// The findings are in a fixed order: the worst first.
func Diagnose(nodes []Node, view View) []Finding {
	d := diagnosis{nodes: byID(nodes), view: view}
	d.quorum()
	d.lists()
	d.identities()
	d.compareView()
	slices.SortFunc(d.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Detail, b.Detail))
	})
	return slices.Compact(d.findings)
}

// NodeOf is what a live server says of itself, in the shape of what a directory says. It
// has one list: a server does not tell what the one before it was.
func NodeOf(r Reply) Node {
	n := Node{
		ID: r.ID, Live: true, HasState: r.HasState, Term: r.Term,
		Last: Entry{Term: r.LastTerm, Index: r.LastIndex}, Peers: r.Recovery, Leader: r.Leader,
	}
	if r.Leading {
		n.Leader = r.ID
	}
	if len(r.Servers) > 0 {
		n.Configs = []Configuration{{Index: r.ConfigIndex, Servers: r.Servers, Digest: r.Config()}}
	}
	return n
}

type diagnosis struct {
	nodes    []Node // by id
	view     View
	findings []Finding
}

func (d *diagnosis) find(severity Severity, code Code, server raft.ServerID, detail, advice string) {
	d.findings = append(d.findings, Finding{Code: code, Severity: severity, Server: server, Detail: detail, Advice: advice})
}

// byID is a copy in a fixed order, whatever the order of the arguments.
func byID(nodes []Node) []Node {
	sorted := slices.Clone(nodes)
	slices.SortStableFunc(sorted, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Dir, b.Dir), -a.Last.compare(b.Last))
	})
	return sorted
}

// compare orders entries as raft does: by term, then by index.
func (e Entry) compare(o Entry) int {
	return cmp.Or(cmp.Compare(e.Term, o.Term), cmp.Compare(e.Index, o.Index))
}

// newest is the last configuration of a node; zero without one.
func (n Node) newest() Configuration {
	if len(n.Configs) == 0 {
		return Configuration{}
	}
	return n.Configs[len(n.Configs)-1]
}

// best is the node whose log ends last, and of equals the one with the least id. By
// raft's rule for elections nobody who holds less could have been elected over it. Nodes
// are in the order of their ids; false: none has state.
func best(nodes []Node) (b Node, ok bool) {
	for _, n := range nodes {
		if n.HasState && (!ok || n.Last.compare(b.Last) > 0) {
			b, ok = n, true
		}
	}
	return b, ok
}

// votersOf are the ids of those that vote in servers, in order.
func votersOf(servers []raft.Server) []raft.ServerID {
	var ids []raft.ServerID
	for _, s := range servers {
		if s.Suffrage == raft.Voter {
			ids = append(ids, s.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func quorum(voters int) int { return Tally{Voters: voters}.Quorum() }
