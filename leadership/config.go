// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Config says how a Runner runs. The zero Config is a good one.
type Config struct {
	// EstablishTimeout bounds Role.Establish, and each Role.Reconcile; 0 means
	// 2 minutes. After an Establish that was too slow the next one of this Runner
	// gets twice the time, up to 64 times.
	EstablishTimeout time.Duration

	// RevokeTimeout bounds Role.Revoke; 0 means 30 seconds.
	RevokeTimeout time.Duration

	// Grace is how long a callback, and then the goroutines of Session.Go, may
	// take to return once their context has ended; 0 means the constant Grace.
	// After it they count as stuck.
	Grace time.Duration

	// CatchUpStall is how long the state machine may make no progress at all
	// before the catch-up is given up; 0 means 1 minute. However long it takes
	// while it gets on is no failure. Progress shows with each batch of up to
	// raft.Config.MaxAppendEntries entries that the state machine takes: set it
	// above the longest that may need, and above the longest Restore. While more
	// than 128 batches wait, as after a restart with a long log, raft shows nothing:
	// the catch-up is not given up then, and after CatchUpStall the watchdog finds
	// that raft does not answer.
	CatchUpStall time.Duration

	// ReconcileEvery is the time between two calls of Role.Reconcile; 0 means
	// that it is never called.
	ReconcileEvery time.Duration

	// TransferAfter is after how many failed attempts in a row leadership is
	// handed to another server; 0 means 3, negative never. An Establish that
	// timed out, a catch-up without progress and a stuck callback do not wait for
	// the count. A session that served for 10 seconds, or ended without a failure,
	// ends the row.
	// At most 2 such transfers are made in 10 minutes.
	TransferAfter int

	// TransferOnClose hands leadership over before Run returns because its
	// context has ended. It takes up to two election timeouts if it fails, and is
	// not tried beside a callback that is stuck.
	TransferOnClose bool

	// Watchdog looks for a leader that cannot lead. Its zero value is on.
	Watchdog Watchdog

	// CancelByReflection is that of the Calls the Runner makes: a call that is
	// given up leaves no goroutine behind, at the price that Calls names.
	CancelByReflection bool

	// OnStuck, if set, is called once for each callback, or set of goroutines of
	// one session, that does not return in time, on a goroutine of its own that
	// nobody waits for: it may block, and a panic in it ends the process. Its usual
	// use is to write the stack down and to exit.
	OnStuck func(*StuckError)

	// Events are told what happens.
	Events Events

	// TimelineSize is how many events Timeline keeps; 0 means 256.
	TimelineSize int

	// Logger is for operators; nil is silent.
	Logger hclog.Logger
}

// Watchdog looks for a leader that cannot lead although raft has no objection: a
// hung disk, a wedged state machine, followers that do not write. It works while
// this server leads.
type Watchdog struct {
	// Off turns it off.
	Off bool

	// Interval is the time between two looks, and Deadline how long an answer may
	// take; 0 means half and three halves of raft's present ElectionTimeout.
	Interval, Deadline time.Duration

	// WriteProbe is the time between two writes of an empty log entry (a
	// raft.Barrier) that must be applied within Deadline; 0 means none. Only a
	// write shows that followers whose stores stall still answer heartbeats, which
	// State, LastContact and VerifyLeader do not see.
	WriteProbe time.Duration

	// Fence ends the session while something is found. Without it findings are
	// reported only; ErrTransferWedged always is, for raft then refuses the writes
	// by itself. Writes of a fenced leader that are under way may still be
	// committed. A state machine that takes longer than Deadline for one batch
	// while others wait is found, too: set Deadline above that.
	Fence bool
}

// Grace is how long a callback may take to return once its context has ended,
// in Establish, and in a Runner unless its Config says otherwise.
const Grace = 500 * time.Millisecond

const (
	defaultEstablishTimeout = 2 * time.Minute
	defaultRevokeTimeout    = 30 * time.Second
	defaultCatchUpStall     = time.Minute
	defaultTransferAfter    = 3
	defaultTimelineSize     = 256
)

// Validate says what is wrong with c. It changes nothing.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"EstablishTimeout", c.EstablishTimeout},
		{"RevokeTimeout", c.RevokeTimeout},
		{"Grace", c.Grace},
		{"CatchUpStall", c.CatchUpStall},
		{"ReconcileEvery", c.ReconcileEvery},
		{"Watchdog.Interval", c.Watchdog.Interval},
		{"Watchdog.Deadline", c.Watchdog.Deadline},
		{"Watchdog.WriteProbe", c.Watchdog.WriteProbe},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("leadership: Config.%s is %v: want a positive duration, or 0 for the default", d.name, d.value))
		}
		if d.value > maxTimeout { // it is doubled, and added to others
			errs = append(errs, fmt.Errorf("leadership: Config.%s is %v: want %v at most", d.name, d.value, maxTimeout))
		}
	}
	if c.TimelineSize < 0 {
		errs = append(errs, fmt.Errorf("leadership: Config.TimelineSize is %d: want a number of events, or 0 for %d", c.TimelineSize, defaultTimelineSize))
	}
	return errors.Join(errs...)
}

const maxTimeout = 10000 * time.Hour

func (c Config) withDefaults() Config {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&c.EstablishTimeout, defaultEstablishTimeout)
	or(&c.RevokeTimeout, defaultRevokeTimeout)
	or(&c.Grace, Grace)
	or(&c.CatchUpStall, defaultCatchUpStall)
	if c.TransferAfter == 0 {
		c.TransferAfter = defaultTransferAfter
	}
	if c.TimelineSize == 0 {
		c.TimelineSize = defaultTimelineSize
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}
