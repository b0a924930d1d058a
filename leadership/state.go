// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "time"

// State is what this server knows of its own leadership at one instant.
// The zero State is that of a server that has never led.
type State struct {
	// Leader says whether this server leads. It is this server's belief.
	Leader bool

	// Epoch counts the times this server gained leadership since its raft
	// started: 0 before the first, and the number of the present or of the
	// last leadership from then on. It is local to this process and never
	// goes back.
	Epoch uint64

	// Term is the raft term of that leadership as read inside raft when it
	// was won; 0 before the first, and for one that was over before Attach.
	// It is a hint for logs. It is no fencing token.
	Term uint64

	// Since is when Leader last changed, by the clock of this process; zero
	// while it never did.
	Since time.Time

	// Cause says why the last leadership ended: one of ErrTransferred,
	// ErrSuperseded, ErrLeaseLost, ErrRemoved and ErrShutdown; nil before the
	// first loss. It is kept while this server leads again.
	//
	// raft does not tell its reason, so this is inferred from what it lets be
	// seen and is best effort. ErrLeaseLost may turn into ErrSuperseded a
	// moment later, when the leader that took over is heard, and that into
	// ErrTransferred. Watchers are not woken for it.
	Cause error

	// Closed says that raft has shut down: this is the last State there is.
	Closed bool
}

// losses follows from the epoch, since gains and losses take turns.
func (s State) losses() uint64 {
	if s.Leader {
		return s.Epoch - 1
	}
	return s.Epoch
}

// mark is what makes one State differ from another: a change of it wakes
// watchers, a change of the rest does not.
type mark struct {
	epoch          uint64
	leader, closed bool
}

func (s *State) mark() mark { return mark{s.Epoch, s.Leader, s.Closed} }

// Update is what a watcher is told: the newest state, and how much happened
// since the update before.
type Update struct {
	State

	// Gains and Losses count the changes since this watcher's previous
	// update, in its first since Watch, those that were coalesced into this
	// one included.
	Gains, Losses uint64
}

// Flapped reports whether leadership changed more than once since the previous
// update. Flapping means trouble: a slow disk, a slow network, paging, or too
// little CPU for the timeouts.
func (u Update) Flapped() bool { return u.Gains+u.Losses > 1 }

func updateFrom(prev, now State) Update {
	return Update{State: now, Gains: now.Epoch - prev.Epoch, Losses: now.losses() - prev.losses()}
}
