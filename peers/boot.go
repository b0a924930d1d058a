// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// BootConfig is what a boot check works with. Local, the stores, Source and Prober must be
// set. Others must be able to ask Local before Boot is called, or blank servers wait for
// each other for ever.
type BootConfig struct {
	Local  *Local
	Logs   raft.LogStore // the stores that raft.NewRaft gets, open; they are only read
	Stable raft.StableStore
	Snaps  raft.SnapshotStore
	Source Source
	Prober Prober

	// Expect is how many blank servers make a cluster, the same on all of them. 0:
	// this server never does, and waits to be added. A disk that holds state wins over it.
	Expect int

	// Dir is the directory of raft's state, where an operator may put a peers.json. "":
	// none is looked for.
	Dir string

	// AllowSingle takes a peers.json with one entry. See ParseConfig.
	AllowSingle bool

	// Backup and NoBackup are those of RecoverConfig.
	Backup   func(ctx context.Context) error
	NoBackup bool

	// ProbeTimeout bounds asking discovery, and then asking all servers at once. 0: 1 s.
	ProbeTimeout time.Duration

	// Progress, if set, is told each verdict, the last one, too. It is called by the
	// goroutine of Boot, which waits for it.
	Progress func(Verdict)

	Logger hclog.Logger // nil: silent. A line for each verdict that differs from the one before
}

// Validate says what is missing.
func (c BootConfig) Validate() error {
	var errs []error
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"Local", c.Local == nil},
		{"Logs", c.Logs == nil},
		{"Stable", c.Stable == nil},
		{"Snaps", c.Snaps == nil},
		{"Source", c.Source == nil},
		{"Prober", c.Prober == nil},
	} {
		if f.missing {
			errs = append(errs, fmt.Errorf("peers: BootConfig.%s is nil", f.name))
		}
	}
	if c.Expect < 0 {
		errs = append(errs, fmt.Errorf("peers: BootConfig.Expect is %d: want 0 for never, or how many servers make the cluster", c.Expect))
	}
	if c.ProbeTimeout < 0 {
		errs = append(errs, fmt.Errorf("peers: BootConfig.ProbeTimeout is %v: want 0 for its default, or more", c.ProbeTimeout))
	}
	return errors.Join(errs...)
}

func (c BootConfig) withDefaults() BootConfig {
	c.ProbeTimeout = orDefault(c.ProbeTimeout, time.Second)
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

// Boot finds out what this server may do before raft.NewRaft, and waits while that is to
// wait: until ctx ends, which makes the error, with the last verdict beside it. It writes
// nothing; [Verdict.Act] does. From its start on, Local says what the stores hold. A
// disk that holds state is not kept waiting for longer than ProbeTimeout.
//
// Call Act with the verdict before Boot is called again: a verdict to bootstrap is a
// promise to others.
//
// A Source or a Prober that does not return when its context ends leaves a goroutine, one
// each, and counts as one that could not be asked.
func Boot(ctx context.Context, config BootConfig) (Verdict, error) {
	if err := config.Validate(); err != nil {
		return Verdict{}, err
	}
	b := boot{BootConfig: config.withDefaults(), calls: map[raft.ServerID]*call[Reply]{}}
	if err := b.read(ctx); err != nil {
		return Verdict{}, err
	}
	for v := (Verdict{}); ; {
		in := b.gather(ctx)
		if ctx.Err() != nil { // what was not asked in time counts for nothing
			return v, ended(ctx, v)
		}
		last := v.Reason
		v = BootPlan(in)
		v.bound = &bound{b.BootConfig, Entry{in.Local.LastTerm, in.Local.LastIndex}}
		b.Local.promise(v.Offer)
		b.tell(v, last)
		if v.Action != ActWait {
			return v, nil
		}
		if !b.wait(ctx, v.Retry) {
			return v, ended(ctx, v)
		}
	}
}

func ended(ctx context.Context, v Verdict) error {
	if v.Reason == "" {
		return fmt.Errorf("peers: boot: %w, before there was a verdict", context.Cause(ctx))
	}
	return fmt.Errorf("peers: boot: %w, while waiting: %s", context.Cause(ctx), v.Reason)
}

// boot is a boot check under way.
type boot struct {
	BootConfig
	pending *Pending
	view    call[View]
	calls   map[raft.ServerID]*call[Reply]
}

func (b *boot) tell(v Verdict, last string) {
	if v.Reason != last {
		b.Logger.Info("peers: boot check", "verdict", v.Action, "reason", v.Reason)
		for _, f := range v.Findings {
			b.Logger.Warn("peers: boot check", "finding", f)
		}
	}
	if b.Progress != nil {
		b.Progress(v)
	}
}

// wait returns after d, or earlier when discovery has news, but never at once: a source
// may have news all the time. false: ctx has ended.
func (b *boot) wait(ctx context.Context, d time.Duration) bool {
	var changes <-chan struct{}
	timer := time.NewTimer(min(d, bootSoon))
	defer timer.Stop()
	for rest := d - bootSoon; ; {
		select {
		case <-ctx.Done():
			return false
		case _, open := <-changes:
			if open {
				return true
			}
			changes = nil
		case <-timer.C:
			if rest <= 0 {
				return true
			}
			if c, ok := b.Source.(changer); ok {
				changes = c.Changes()
			}
			timer.Reset(rest)
			rest = 0
		}
	}
}
