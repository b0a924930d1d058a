// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// Why PlanRecovery refuses, for errors.Is. What it says names the servers.
var (
	ErrHasQuorum = errors.New("peers: no recovery is needed")
	ErrDisagree  = errors.New("peers: these nodes are not of one cluster, or not each one server")
	ErrNoSeed    = errors.New("peers: there is nothing to recover from")
	ErrUnfenced  = errors.New("peers: others could still go on with the old list")
	ErrBadFile   = errors.New("peers: the list would not be a valid one")
)

// UnfencedError names the servers that must be known to be off before a recovery is
// planned. errors.Is finds ErrUnfenced in it.
type UnfencedError struct {
	Servers []raft.ServerID // in order; each is a voter of a list that counts
	Need    int             // so many of them, at least, must be fenced
}

// Error says whom to fence, and what that is.
func (e *UnfencedError) Error() string {
	return fmt.Sprintf("%v: declare at least %d of %s fenced, once they are off and cannot start again with their old data; or read their directories, too",
		ErrUnfenced, e.Need, join(e.Servers))
}

// Unwrap is ErrUnfenced.
func (e *UnfencedError) Unwrap() error { return ErrUnfenced }

// RecoveryConfig is what only a person can know. The zero value declares nothing.
type RecoveryConfig struct {
	// Fenced are servers that will never answer again with the data that they had:
	// their machines are off, or their disks are wiped.
	Fenced []raft.ServerID

	// Settled declares that nobody changed the list of servers after the newest entry
	// that the nodes hold. Without it, half of an even number of voters proves
	// nothing: with one server more, or one less, the others may have gone on alone.
	Settled bool

	// NeverForced declares that no recovery was ever forced on this cluster. It matters
	// when the newest list comes from a snapshot and has index 1: there a bootstrap
	// and a recovery look the same.
	NeverForced bool

	// Address has servers that are at another address than the newest list says.
	Address map[raft.ServerID]raft.ServerAddress

	// AllVote gives every server a vote at once, as the procedure in HashiCorp's
	// documentation does. The order of the starts then decides what survives.
	AllVote bool
}

// Recovery is a plan to bring a cluster back that lost its quorum for good. It is the
// same for all servers: print it, or keep it as JSON, and follow Steps.
type Recovery struct {
	ID       string          `json:"id"` // the same for the same input; names the backups
	Seed     raft.ServerID   `json:"seed"`
	Servers  []raft.Server   `json:"-"`
	File     string          `json:"file"`   // of peers.json, the same bytes on every server
	Digest   Digest          `json:"digest"` // of Servers
	AllVote  bool            `json:"all_vote,omitempty"`
	Lossless bool            `json:"lossless"` // proven: no acknowledged write can be lost
	Why      []string        `json:"why"`      // of Lossless, or of its absence
	Nodes    []RecoveryNode  `json:"nodes"`    // those that get the file, by id
	Fenced   []raft.ServerID `json:"fenced,omitempty"`
	Steps    []string        `json:"steps"` // in order
	Findings []Finding       `json:"findings,omitempty"`
}

// RecoveryNode is a server that gets the file, and where its log ended in the plan. One
// that ends elsewhere when its turn comes was running in between: plan again.
type RecoveryNode struct {
	ID   raft.ServerID `json:"id"`
	Dir  string        `json:"dir,omitempty"`
	Last Entry         `json:"last"`
}

// PlanRecovery plans how to bring back a cluster whose quorum is lost for good, from what
// its servers hold. It looks at nothing else and changes nothing; run it over all the
// directories that can still be read, with the servers stopped. It refuses when a quorum
// is up, when the nodes disagree, and until everybody who could go on with the old list
// is fenced ([UnfencedError]). Never run it from discovery alone: an isolated minority
// looks exactly like a total outage.
func PlanRecovery(nodes []Node, o RecoveryConfig) (Recovery, error) {
	p := planning{o: o, all: byID(nodes)}
	for _, check := range []func() error{p.sort, p.agree, p.needed, p.belong, p.fenced} {
		if err := check(); err != nil {
			return Recovery{}, err
		}
	}
	r := Recovery{
		Seed: p.seed.ID, AllVote: o.AllVote,
		Fenced: slices.Compact(slices.Sorted(slices.Values(o.Fenced))), Findings: p.findings(),
	}
	for _, n := range p.nodes {
		r.Nodes = append(r.Nodes, RecoveryNode{ID: n.ID, Dir: n.Dir, Last: n.Last})
	}
	var err error
	if r.Servers, err = p.servers(); err != nil {
		return Recovery{}, err
	}
	r.File, r.Digest = peersFile(r.Servers), DigestOf(r.Servers)
	r.ID = fmt.Sprintf("recovery-%s-%d-%d", r.Digest, p.seed.Last.Term, p.seed.Last.Index)
	r.Lossless, r.Why = p.lossless()
	r.Steps = r.steps()
	return r, nil
}

// planning is what the checks of PlanRecovery find out, in their order.
type planning struct {
	o     RecoveryConfig
	all   []Node // by id
	nodes []Node // those with state
	blank []Node
	seed  Node
	lists []Configuration // that may be in force somewhere, newest first
}

// sort tells the nodes with state from the blank ones and finds the seed and the lists.
func (p *planning) sort() error {
	for _, n := range p.all {
		switch {
		case n.ID == "":
			return fmt.Errorf("%w: which server is %s? No store holds its id; say it", ErrDisagree, n.where())
		case n.HasState:
			p.nodes = append(p.nodes, n)
		default:
			p.blank = append(p.blank, n)
		}
	}
	var ok bool
	if p.seed, ok = best(p.nodes); !ok {
		return fmt.Errorf("%w: none of %d nodes has state", ErrNoSeed, len(p.all))
	}
	if len(p.seed.newest().Servers) == 0 {
		return fmt.Errorf("%w: %s, which ends last (term %d, index %d), holds no list", ErrNoSeed, p.seed.name(), p.seed.Last.Term, p.seed.Last.Index)
	}
	p.lists = listsInForce(p.nodes, p.seed)
	return nil
}

// agree refuses nodes of two clusters or histories, and two nodes that are one server.
func (p *planning) agree() error {
	d := diagnosis{nodes: p.all}
	d.identities()
	d.findings = append(d.findings, d.disputes()...)
	for _, f := range d.findings {
		switch f.Code {
		case FoundClone, FoundConflict, FoundForced:
			return fmt.Errorf("%w: %s; %s, and plan without it", ErrDisagree, f.Detail, f.Advice)
		}
	}
	return nil
}

func (p *planning) needed() error {
	up := 0
	all := votersOf(p.lists[0].Servers)
	for _, n := range p.nodes {
		if n.Live && n.Leader == n.ID {
			return fmt.Errorf("%w: %s is up and leads; mend the list through it", ErrHasQuorum, n.name())
		}
		if n.Live && slices.Contains(all, n.ID) {
			up++
		}
	}
	if up >= quorum(len(all)) {
		return fmt.Errorf("%w: %d of %d voters are up, a quorum; they elect a leader as soon as they reach each other", ErrHasQuorum, up, len(all))
	}
	return nil
}

// belong refuses servers that no list in force has: one was removed, or its id is mistyped.
func (p *planning) belong() error {
	for _, n := range p.nodes {
		if !slices.ContainsFunc(p.lists, func(c Configuration) bool { return slices.ContainsFunc(c.Servers, hasID(n.ID)) }) {
			return fmt.Errorf("%w: %s is in no list that the best informed, %s, holds; leave it out, or correct its id", ErrDisagree, n.name(), p.seed.name())
		}
	}
	return nil
}

func (p *planning) fenced() error {
	e := &UnfencedError{}
	for _, list := range p.lists {
		all := votersOf(list.Servers)
		var others []raft.ServerID
		for _, id := range all {
			if !slices.ContainsFunc(p.nodes, func(n Node) bool { return n.ID == id }) && !slices.Contains(p.o.Fenced, id) {
				others = append(others, id)
			}
		}
		if short := p.majority(len(all)) - (len(all) - len(others)); short > 0 {
			e.Servers = append(e.Servers, others...)
			e.Need = max(e.Need, short)
		}
	}
	if e.Need == 0 {
		return nil
	}
	slices.Sort(e.Servers)
	e.Servers = slices.Compact(e.Servers)
	return e
}

func hasID(id raft.ServerID) func(raft.Server) bool {
	return func(s raft.Server) bool { return s.ID == id }
}
