// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Result is what became of a change.
type Result string

// The results.
const (
	Begun   Result = "begun"   // raft is about to be asked
	Made    Result = "made"    // it is committed
	Refused Result = "refused" // it is not, and will not be: raft has not taken it
	Open    Result = "open"    // it may be, now or later (raft.ErrLeadershipLost, a timeout)
)

// Record is the audit of one change: what was known, what was decided, what became of
// it. There is one with the Result Begun before raft is asked, and one with the same
// Input after it.
type Record struct {
	Time      time.Time     `json:"time"`
	Server    raft.ServerID `json:"server"` // who made the change
	Term      uint64        `json:"term"`
	Input     Digest        `json:"input"` // SHA-256 of the State, as JSON
	Plan      Plan          `json:"plan"`  // all of it: its Base is the index that raft compared
	Change    Change        `json:"change"`
	Result    Result        `json:"result"`
	Index     uint64        `json:"index,omitempty"`     // of the entry, when made
	Confirmed bool          `json:"confirmed,omitempty"` // the list was read again and is as planned
	Took      time.Duration `json:"took_ns,omitempty"`
	Error     string        `json:"error,omitempty"`
}

// audit writes a record, on one line.
func (r *Reconciler) audit(record Record) error {
	r.status.record(record)
	if r.conf.Audit != nil {
		line, err := json.Marshal(record)
		if err != nil {
			return fmt.Errorf("peers: audit: %w", err)
		}
		if _, err := r.conf.Audit.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("peers: audit: %w", err)
		}
	}
	if r.conf.Events.Changed != nil {
		r.conf.Events.Changed(record)
	}
	return nil
}

// digestOfState identifies what was decided upon. encoding/json orders the maps.
func digestOfState(s State) Digest {
	data, err := json.Marshal(s)
	if err != nil {
		return Digest{} // no value of these types fails
	}
	return sha256.Sum256(data)
}

var errRefused = errors.New("refused")

// isRefusal reports whether raft answers so before it takes a change, and only then
// (raft.go, requestConfigChange, runFollower, leaderLoop; configuration.go,
// nextConfiguration).
func isRefusal(err error) bool {
	_, stale := latestIn(err)
	return stale || errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrEnqueueTimeout) ||
		errors.Is(err, raft.ErrLeadershipTransferInProgress) || errors.Is(err, errRefused) || errors.Is(err, ErrNoIndex)
}

// resultOf is what an error says of a change. All that is not known to be a refusal
// leaves it open: a store that failed may have written (raft.go, dispatchLogs).
func resultOf(err error) Result {
	switch {
	case err == nil:
		return Made
	case isRefusal(err):
		return Refused
	}
	return Open
}
