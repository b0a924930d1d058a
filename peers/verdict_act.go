// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// What Act returns when raft must not start.
var (
	// ErrRefused says that a person has to decide; the error has the reason.
	ErrRefused = errors.New("peers: the boot check refuses to start")

	// ErrWait says that the verdict was to wait: call Boot again.
	ErrWait = errors.New("peers: the boot check is not done: call Boot again before raft starts")
)

// Act does what the verdict says, before raft.NewRaft: nothing to start, the first entry
// to bootstrap, or a recovery by [Recover], with a state machine from newFSM that is
// thrown away afterwards. nil: raft may start. Else
// [ErrRefused], [ErrWait], or what went wrong.
//
// Every server of a bootstrap writes the same entry. One alone would do for raft, but then
// the others would be voters without state, and nobody could tell them from servers
// that lost their disks.
func (v Verdict) Act(ctx context.Context, conf *raft.Config, newFSM func() raft.FSM,
	logs raft.LogStore, stable raft.StableStore, snaps raft.SnapshotStore, trans raft.Transport,
) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("peers: %s: %w", v.Action, context.Cause(ctx))
	}
	if v.bound != nil && conf.LocalID != v.bound.Local.server().ID {
		return fmt.Errorf("peers: raft.Config.LocalID is %q, and the boot check was for %q", string(conf.LocalID), string(v.bound.Local.server().ID))
	}
	switch v.Action {
	case ActStart:
		return nil
	case ActBootstrap:
		if v.outdated() {
			return fmt.Errorf("%w: it was called after this verdict", ErrWait)
		}
		err := raft.BootstrapCluster(conf, logs, stable, snaps, trans, raft.Configuration{Servers: v.Servers})
		if err != nil {
			return fmt.Errorf("peers: bootstrap with list %s: %w", v.Digest, err)
		}
		v.settle(logs, Reply{HasState: true, Term: 1, LastTerm: 1, LastIndex: 1})
		return nil
	case ActRecover:
		return v.recover(ctx, RecoverConfig{Raft: conf, NewFSM: newFSM, Logs: logs, Stable: stable, Snaps: snaps, Trans: trans})
	case ActRefuse:
		return fmt.Errorf("%w: %s", ErrRefused, v.Reason)
	default:
		return fmt.Errorf("%w: %s", ErrWait, v.Reason)
	}
}

// outdated reports whether this server has told others something else since.
func (v Verdict) outdated() bool {
	if v.bound == nil {
		return false
	}
	now := v.bound.Local.promised()
	return now.Withdrawn != v.Offer.Withdrawn || DigestOf(now.Servers) != DigestOf(v.Offer.Servers)
}

func (v Verdict) recover(ctx context.Context, c RecoverConfig) error {
	if v.bound == nil {
		return errors.New("peers: a verdict that is not from Boot names no directory: call Recover")
	}
	c.Dir, c.Servers, c.Expect = v.bound.Dir, v.Servers, v.bound.last
	c.Backup, c.NoBackup = v.bound.Backup, v.bound.NoBackup
	done, err := Recover(ctx, c)
	if err != nil {
		return err
	}
	now := v.bound.Local.Reply()
	v.settle(c.Logs, Reply{HasState: true, Term: now.Term, LastTerm: done.Last.Term, LastIndex: done.Last.Index})
	return nil
}

// settle lets others see at once what was done.
func (v Verdict) settle(logs raft.LogStore, now Reply) {
	if v.bound == nil {
		return
	}
	v.bound.Local.hold(logs, v.Action == ActRecover)
	v.bound.Local.update(func(r *Reply) {
		r.HasState, r.Term, r.LastTerm, r.LastIndex = now.HasState, now.Term, now.LastTerm, now.LastIndex
		r.Servers, r.ConfigIndex, r.Recovery = v.Servers, 1, Digest{}
	})
}
