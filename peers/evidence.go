// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// Health is what discovery says of a server. The zero value, Unknown, is also what
// holds for a server that is not in a View: absence is no evidence of failure.
type Health uint8

// The healths. Failed and Left are evidence; what each proves is in the package
// comment.
const (
	Unknown Health = iota
	Alive
	Failed  // does not answer discovery's probes
	Leaving // said that it will leave
	Left    // said goodbye, or, with Member.Forced, somebody said it for it
)

var healthNames = [...]string{Unknown: "unknown", Alive: "alive", Failed: "failed", Leaving: "leaving", Left: "left"}

// String is the health in lower case, such as "alive".
func (h Health) String() string {
	if int(h) >= len(healthNames) {
		return "health(?)"
	}
	return healthNames[h]
}

// Member is a server as discovery sees it. Clients, and servers of other clusters
// that a Source can tell apart, are not members.
type Member struct {
	ID      raft.ServerID
	Address raft.ServerAddress // host:port where its raft transport is reached

	Health Health
	Since  time.Time // when Health last changed, by the clock of the observer
	Forced bool      // Left because somebody else said so, as serf's force-leave does

	Nonvoter  bool   // it never wants a vote
	Zone      string // "": unknown; voters are spread over zones where that costs nothing
	ClusterID string // "": unknown
}

// View is all that discovery knows at one time. It is complete: a server that is not
// in it is Unknown.
type View struct {
	Members []Member // in any order
	Taken   time.Time

	// Warm is set when the source has run for long enough to judge, and sees this
	// server itself. A view that is not warm is no witness against anybody.
	Warm bool
}

// Source is discovery: a level-triggered, complete view of the servers there are. View
// may block until ctx ends, must be safe for use by many goroutines ([Addresses] is called
// by raft's), and may keep no reference to what it returned. An error means that it could not look; nothing is
// concluded from it.
//
// A Source that also has a method Changes() <-chan struct{} is looked at again whenever
// something is received from that channel. It is a hint and no queue: the capacity
// should be 1, and the sender must never wait.
type Source interface {
	View(ctx context.Context) (View, error)
}

// changer is the optional part of a Source.
type changer interface{ Changes() <-chan struct{} }
