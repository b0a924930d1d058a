// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// String is the plan for people: what is lost or not and why, the file, and the steps.
func (r Recovery) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.ID)
	verdict := "not proven lossless: acknowledged writes may be gone"
	if r.Lossless {
		verdict = "lossless: no acknowledged write can be lost"
	}
	fmt.Fprintf(&b, "%s\n", verdict)
	for _, w := range r.Why {
		fmt.Fprintf(&b, "  %s\n", w)
	}
	b.WriteString("\nservers\n")
	for _, n := range r.Nodes {
		fmt.Fprintf(&b, "  %-12s ends at term %d, index %d  %s\n", n.ID, n.Last.Term, n.Last.Index, r.role(n.ID))
	}
	fmt.Fprintf(&b, "\npeers.json, digest %s, the same bytes on every server\n%s", r.Digest, r.File)
	b.WriteString("\nsteps\n")
	for i, s := range r.Steps {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, s)
	}
	if len(r.Findings) > 0 {
		b.WriteString("\nfindings\n")
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	return b.String()
}

func (r Recovery) role(id raft.ServerID) string {
	i := slices.IndexFunc(r.Servers, hasID(id))
	switch {
	case id == r.Seed && r.AllVote:
		return "voter, best informed"
	case id == r.Seed:
		return "the only voter"
	case i >= 0 && r.Servers[i].Suffrage == raft.Voter:
		return "voter"
	default:
		return "nonvoter at first"
	}
}

// steps is the procedure. The order matters: each step says what it waits for.
func (r Recovery) steps() []string {
	var ids, others []raft.ServerID
	for _, n := range r.Nodes {
		ids = append(ids, n.ID)
		if n.ID != r.Seed {
			others = append(others, n.ID)
		}
	}
	all := join(ids)
	steps := []string{"stop " + all + ", and keep them from being restarted"}
	if len(r.Fenced) > 0 {
		steps = append(steps, fmt.Sprintf("see once more that %s cannot start: one of them alive with its old data undoes all of this", join(r.Fenced)))
	}
	steps = append(steps,
		"back up the data directory of each of "+all,
		"write the file as peers.json into the raft directory of each of "+all,
		fmt.Sprintf("compare the digests: each must be %s", r.Digest),
		fmt.Sprintf("start %s, and wait until it leads", r.Seed))
	if r.AllVote {
		steps[len(steps)-1] = fmt.Sprintf("start %s first, and do not start another until it is up: without it the others may elect a leader that lacks what it holds, and that is then gone", r.Seed)
	}
	if len(others) > 0 {
		steps = append(steps, "start "+join(others))
	}
	steps = append(steps, fmt.Sprintf("re-assert the list: the reconciler on %s appends it to the log once. Without one, call AddVoter there with its own id and address", r.Seed))
	if len(others) > 0 && !r.AllVote {
		steps = append(steps, "let the reconciler promote "+join(others)+" as they catch up; until then a failure of "+string(r.Seed)+" is another outage")
	}
	if len(r.Fenced) > 0 {
		steps = append(steps, fmt.Sprintf("wipe %s before they join again, as new nonvoters: their logs may hold other entries under the same term and index", join(r.Fenced)))
	}
	return steps
}

// findings are what a person should know besides.
func (p *planning) findings() []Finding {
	d := diagnosis{}
	if all := votersOf(p.lists[0].Servers); p.survivors(all) >= quorum(len(all)) {
		d.find(Warning, FoundStopped, "", fmt.Sprintf("%d of %d voters of the newest list have their state, a quorum", p.survivors(all), len(all)),
			"if they can reach each other at their listed addresses, start them instead: no recovery is needed")
	}
	for _, n := range p.blank {
		d.find(Critical, FoundAmnesia, n.ID, fmt.Sprintf("%s is blank, and not in the file", n.name()),
			"do not start it before there is a leader; then let it join as a nonvoter")
	}
	for _, list := range p.lists {
		for _, s := range list.Servers {
			known := func(n Node) bool { return n.ID == s.ID }
			said := func(f Finding) bool { return f.Server == s.ID }
			if !slices.ContainsFunc(p.all, known) && !slices.Contains(p.o.Fenced, s.ID) && !slices.ContainsFunc(d.findings, said) {
				d.find(Warning, FoundUnseen, s.ID, fmt.Sprintf("%s is in a list, is not among the nodes, and is not fenced: the file leaves it out", s.ID),
					"if its data can be read, plan again with it; if not, wipe it before it joins again")
			}
		}
	}
	if p.o.AllVote && len(p.nodes) > 1 {
		behind, m := p.behind()
		d.find(Warning, FoundStartOrder, p.seed.ID, fmt.Sprintf("everybody votes at once: %d of %d voters lack entries that %s has", behind, m, p.seed.ID),
			"start it first, or plan without AllVote")
	}
	return d.findings
}
