// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// servers is the list that everybody gets: all nodes with state, and the vote with the
// seed alone. The others cannot elect each other before they have what the seed has; the
// reconciler promotes them once they do.
func (p *planning) servers() ([]raft.Server, error) {
	var list []raft.Server
	at := map[string]raft.ServerID{}
	for _, n := range p.nodes {
		address := p.address(n.ID)
		if _, _, err := splitAddress(string(address)); err != nil {
			return nil, fmt.Errorf("%w: address %q of %s: %w; give its address in RecoveryConfig.Address", ErrBadFile, address, n.ID, err)
		}
		if first, taken := at[canonical(address)]; taken {
			return nil, fmt.Errorf("%w: %s and %s are both at %s; give the address of one in RecoveryConfig.Address", ErrBadFile, first, n.ID, address)
		}
		at[canonical(address)] = n.ID
		suffrage := raft.Nonvoter
		if n.ID == p.seed.ID || (p.o.AllVote && p.votes(n.ID)) {
			suffrage = raft.Voter
		}
		list = append(list, raft.Server{ID: n.ID, Address: address, Suffrage: suffrage})
	}
	for id := range p.o.Address {
		if !slices.ContainsFunc(list, hasID(id)) {
			return nil, fmt.Errorf("%w: RecoveryConfig.Address has %s, which is not among the nodes", ErrBadFile, id)
		}
	}
	return list, nil
}

// address is where id is: what the operator says, or the newest list that has it.
func (p *planning) address(id raft.ServerID) raft.ServerAddress {
	if a, ok := p.o.Address[id]; ok {
		return a
	}
	for _, list := range p.lists {
		if i := slices.IndexFunc(list.Servers, hasID(id)); i >= 0 {
			return list.Servers[i].Address
		}
	}
	return ""
}

// votes reports whether id is a voter in the newest list that has it.
func (p *planning) votes(id raft.ServerID) bool {
	for _, list := range p.lists {
		if i := slices.IndexFunc(list.Servers, hasID(id)); i >= 0 {
			return list.Servers[i].Suffrage == raft.Voter
		}
	}
	return false
}

// peersFile is servers as raft.ReadConfigJSON reads them, one a line.
func peersFile(servers []raft.Server) string {
	type entry struct {
		ID       raft.ServerID      `json:"id"`
		Address  raft.ServerAddress `json:"address"`
		NonVoter bool               `json:"non_voter"`
	}
	lines := make([]string, len(servers))
	for i, s := range servers {
		line, err := json.Marshal(entry{s.ID, s.Address, s.Suffrage != raft.Voter})
		if err != nil { // strings and a bool
			panic(err)
		}
		lines[i] = "  " + string(line)
	}
	return "[\n" + strings.Join(lines, ",\n") + "\n]\n"
}
