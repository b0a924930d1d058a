// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"fmt"
	"strings"
	"time"
)

// Events are told what a Runner does. Both functions are called on one goroutine,
// which does nothing else, in order. One that blocks holds up neither raft nor the
// Runner: when 256 events wait, the oldest are dropped (Status.EventsDropped); one
// that blocks for Config.Grace after everything else has stopped is named in Run's
// error. A panic in one ends the process. nil is not called.
type Events struct {
	// Phase is told each change of phase.
	Phase func(Event)
	// Finding is told what is found now, as in Status.Finding, whenever that
	// changes; nil: nothing any more.
	Finding func(error)
}

// Event is a change of phase, or with a Note something that happened within one.
type Event struct {
	At      time.Time
	Phase   Phase         // from now on
	Took    time.Duration // how long the phase before lasted; 0 with a Note
	Epoch   uint64
	Attempt int   // within the epoch
	Token   Token // zero before the catch-up has ended
	Err     error // why, if something went wrong or came to its end
	Note    string
}

// String is one line.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-13s epoch %d.%d", e.At.Format("15:04:05.000"), e.Phase, e.Epoch, e.Attempt)
	if !e.Token.IsZero() {
		fmt.Fprintf(&b, "  token %v", e.Token)
	}
	if e.Note != "" {
		fmt.Fprintf(&b, "  %s", e.Note)
	} else {
		fmt.Fprintf(&b, "  after %v", e.Took)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %.200s", firstLine(e.Err.Error()))
	}
	return b.String()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
