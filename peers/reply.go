// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"

	"github.com/hashicorp/raft"
)

// Reply is what a server says of itself. It answers before raft exists, so that blank
// servers can find each other ([Local]).
type Reply struct {
	ID        raft.ServerID      `json:"id"`
	Address   raft.ServerAddress `json:"address"` // where it believes its raft transport is reached
	ClusterID string             `json:"cluster_id,omitempty"`

	// HasState is set when the stores hold anything: a term, a log, a snapshot. A
	// voter without it has lost its disk, and its votes.
	HasState  bool   `json:"has_state"`
	Term      uint64 `json:"term"`
	LastTerm  uint64 `json:"last_term"`
	LastIndex uint64 `json:"last_index"`

	// CommitIndex is as far as it knows. If it is not below ConfigIndex, Servers are
	// committed.
	CommitIndex uint64 `json:"commit_index,omitempty"`

	// Servers is its newest configuration, committed or not, and ConfigIndex the index
	// of that entry; 0: not known. Of two servers of one cluster, the same index has the
	// same Digest.
	Servers     []raft.Server `json:"servers,omitempty"`
	ConfigIndex uint64        `json:"config_index,omitempty"`

	Running  bool          `json:"running"` // raft runs
	Leading  bool          `json:"leading"` // it believes that it leads
	Leader   raft.ServerID `json:"leader,omitempty"`
	Leaving  bool          `json:"leaving,omitempty"` // it wants to be removed: an explicit leave
	Recovery Digest        `json:"recovery,omitzero"` // of a peers.json that waits to be taken in; zero: none

	// Of a blank server that would bootstrap: how many servers it waits for, and the
	// digest of those it would bootstrap with.
	Expect     int    `json:"expect,omitempty"`
	Candidates Digest `json:"candidates,omitzero"`
}

// Config is the digest of r.Servers, zero without servers.
func (r Reply) Config() Digest { return DigestOf(r.Servers) }

// Prober asks a server what it says of itself. It dials server.Address, or what it
// derives from that, and returns what answers there, whoever that is: an answer with
// another ID is a finding, and the caller's to see. It returns when ctx ends. It must be
// safe for use by many goroutines.
type Prober interface {
	Probe(ctx context.Context, server raft.Server) (Reply, error)
}
