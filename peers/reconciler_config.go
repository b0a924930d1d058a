// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Config is how a Reconciler works. The zero value adds servers, gives them votes and
// follows their addresses, keeps no journal, and hands leadership over by raft's own call.
type Config struct {
	Policy Policy

	// Transfer hands leadership to a voter and returns when this server no longer
	// leads, or an error; the Transfer of a leadership.Runner does. It is asked when
	// the leader itself is to leave. It is called on a goroutine of its own, one call
	// at a time, and given up with its context, RaftTimeout after it began.
	//
	// nil: raft.Raft.LeadershipTransferToServer, once in a leadership and never again,
	// because transfers that are repeated can wedge a later leader (hashicorp/raft#696).
	// A program with a leadership.Runner must set it: who hands over beside the
	// Runner takes leadership away under its session.
	Transfer func(ctx context.Context, to raft.ServerID) error

	Every         time.Duration // between two looks although nothing happened; 0: 5 s
	RaftTimeout   time.Duration // for raft to answer a verification, to take a change, to commit it; each; 0: 10 s
	SourceTimeout time.Duration // for a view; 0: 5 s
	ProbeTimeout  time.Duration // for a reply; 0: 2 s
	Grace         time.Duration // how long Run, at its end, waits for callbacks that ignore their context; 0: 1 s
	Probes        int           // how many servers are asked at once; 0: 16

	// Journal is the path of a file that keeps the last lists that were committed, for
	// [ReadJournal] and the operator who needs one back. Every server should have its
	// own. "": none.
	Journal string

	// Audit gets one line of JSON, a [Record], with one Write before each change and
	// one after it. It may block, and nothing is changed meanwhile. After an
	// error the change is not made. nil: none.
	Audit io.Writer

	// Events are functions of the program, each nil or called on the goroutine that
	// looks: while one runs, nothing is changed. They may call Status.
	Events Events

	// DryRun looks and plans, and changes nothing.
	DryRun bool

	// Logger gets what happens; nil is silent.
	Logger hclog.Logger
}

// Events are told what a Reconciler does. Each may be nil.
type Events struct {
	Planned func(State, Plan) // after each look of a leader. Neither may be changed
	Changed func(Record)      // before and after each change, after Audit
}

// Validate says what is wrong with the configuration. It changes nothing.
func (c Config) Validate() error {
	errs := []error{c.Policy.Validate()}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Every", c.Every},
		{"RaftTimeout", c.RaftTimeout},
		{"SourceTimeout", c.SourceTimeout},
		{"ProbeTimeout", c.ProbeTimeout},
		{"Grace", c.Grace},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("peers: Config.%s is %v: want 0 for its default, or more", d.name, d.value))
		}
	}
	if c.Probes < 0 {
		errs = append(errs, fmt.Errorf("peers: Config.Probes is %d: want 0 for 16, or more", c.Probes))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.Policy = c.Policy.withDefaults()
	c.Every = orDefault(c.Every, 5*time.Second)
	c.RaftTimeout = orDefault(c.RaftTimeout, 10*time.Second)
	c.SourceTimeout = orDefault(c.SourceTimeout, 5*time.Second)
	c.ProbeTimeout = orDefault(c.ProbeTimeout, 2*time.Second)
	c.Grace = orDefault(c.Grace, time.Second)
	if c.Probes == 0 {
		c.Probes = 16
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}
