// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"time"

	"github.com/hashicorp/raft"
)

// Entry names an entry of the log. The greater one is the newer one.
type Entry struct {
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

// Configuration is a list of servers with the entry that holds it.
type Configuration struct {
	Index   uint64        `json:"index"`
	Term    uint64        `json:"term,omitempty"` // 0: not known, as in a snapshot
	Servers []raft.Server `json:"-"`
	Digest  Digest        `json:"digest"`
}

// Node is what the stores of one server say, or what a live one says of itself.
type Node struct {
	Dir   string        `json:"dir,omitempty"`   // "": from a Reply
	Store string        `json:"store,omitempty"` // below Dir, what holds log and vote, such as raft.db; "": none
	ID    raft.ServerID `json:"id,omitempty"`    // "": not known; no store holds it
	Live  bool          `json:"live,omitempty"`

	HasState bool          `json:"has_state"`
	Term     uint64        `json:"term"`
	Voted    raft.ServerID `json:"voted,omitempty"`     // in LastVoteTerm, as its transport wrote it
	VoteTerm uint64        `json:"vote_term,omitempty"` // LastVoteTerm; less than Term: no vote in Term
	Last     Entry         `json:"last"`                // of the log, or of the newest snapshot
	FirstLog uint64        `json:"first_log,omitempty"`
	Read     uint64        `json:"read,omitempty"` // entries of the log that were read for Configs

	// Configs are those of the newest snapshot and of the log, oldest first. The last
	// may not be committed; those before it are, by raft's rule of one change at a time.
	// A snapshot's supersedes what the log holds up to the snapshot, as at raft's start.
	Configs   []Configuration `json:"configs,omitempty"`
	Snapshots []Snapshot      `json:"snapshots,omitempty"` // newest first
	Peers     Digest          `json:"peers,omitzero"`      // of a peers.json that waits; zero: none, or it is damaged
	Leader    raft.ServerID   `json:"leader,omitempty"`    // of a live one
	Findings  []Finding       `json:"findings,omitempty"`
}

// Snapshot is the metadata of one snapshot.
type Snapshot struct {
	ID          string    `json:"id"`
	Entry       Entry     `json:"entry"`
	ConfigIndex uint64    `json:"config_index"`
	Size        int64     `json:"size"`
	Taken       time.Time `json:"taken,omitzero"`
}
