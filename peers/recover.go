// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// Why Recover stops, for errors.Is. In each case peers.json is where it was.
var (
	ErrNoBackup   = errors.New("peers: nothing to copy before the recovery")
	ErrNotTaken   = errors.New("peers: the recovery did not take")
	ErrMoved      = errors.New("peers: this server is not as it was when the recovery was planned")
	ErrOtherPeers = errors.New("peers: peers.json is not the list to recover with")
)

// RecoverConfig is what [Recover] works on. The stores are those that raft.NewRaft gets
// afterwards, already open; no raft may run on them.
type RecoverConfig struct {
	// Dir is the directory of raft's state, with peers.json in it. A copy of all that
	// is in it goes below it, into raftkeel-quarantine/<Plan>.
	Dir     string
	Servers []raft.Server // what peers.json says
	Plan    string        // Recovery.ID; "": derived from Servers and where the log ends
	Expect  Entry         // where the log ends in the plan; zero: not compared

	Raft   *raft.Config
	NewFSM func() raft.FSM // RecoverCluster spoils the one it is given, so it gets its own
	Logs   raft.LogStore
	Stable raft.StableStore
	Snaps  raft.SnapshotStore
	Trans  raft.Transport

	// Backup copies what the recovery changes (log and snapshots) elsewhere, if the
	// stores are not files below Dir. It is called before anything is changed, also
	// when an interrupted recovery is run again; it must not replace an earlier copy.
	Backup   func(ctx context.Context) error
	NoBackup bool // change the stores without a copy: there is no way back

	// Progress, if set, hears how many bytes of how many are copied and verified. It
	// is called on the goroutine of Recover, and holds the copying up.
	Progress func(done, total int64)

	free func(dir string) (bytes uint64, known bool) // nil: the system's
}

// RecoverResult is what Recover did.
type RecoverResult struct {
	Last    Entry  // of the snapshot that now holds everything
	Backup  string // the directory with the copy; "": Backup or NoBackup was set, or there was nothing left to change
	Aside   string // where peers.json is now
	Already bool   // an earlier run had done it all but, at most, the renaming
}

// Recover makes the stores of one server hold the list of peers.json, by
// raft.RecoverCluster: run it on every server of a [Recovery], with raft stopped. It
// copies what it will change, recovers, and reads the result back through the stores.
// Only when the newest snapshot holds exactly that list, and all that the log held,
// peers.json is renamed to peers.json.recovered-<digest>, and never deleted. Until then
// it stays, so that the next start tries again: Recover may be interrupted anywhere and
// run again.
//
// ctx ends the copying; raft.RecoverCluster itself cannot be interrupted.
func Recover(ctx context.Context, c RecoverConfig) (RecoverResult, error) {
	fail := func(err error) (RecoverResult, error) {
		return RecoverResult{}, fmt.Errorf("peers: recover %s: %w", c.Dir, err)
	}
	if err := c.validate(); err != nil {
		return fail(err)
	}
	before, err := readEnd(c.Logs, c.Snaps)
	if err != nil {
		return fail(err)
	}
	r := RecoverResult{Last: before.last, Already: before.holds(c.Servers, before.last) == nil}
	if err := c.comparePeers(r.Already); err != nil {
		return fail(err)
	}
	if !r.Already || before.logLast > 0 {
		if r.Backup, err = c.change(ctx, before, r.Already); err != nil {
			return fail(err)
		}
	}
	if r.Aside, err = setAside(c.Dir, c.Servers); err != nil {
		return fail(err)
	}
	return r, nil
}

func (c RecoverConfig) validate() error {
	switch {
	case c.Dir == "", c.Raft == nil, c.NewFSM == nil, c.Logs == nil, c.Stable == nil, c.Snaps == nil, c.Trans == nil:
		return errors.New("RecoverConfig needs Dir, Raft, NewFSM, Logs, Stable, Snaps and Trans")
	case c.Backup != nil && c.NoBackup:
		return errors.New("RecoverConfig has both Backup and NoBackup; choose")
	case !isFileName(c.Plan):
		return fmt.Errorf("RecoverConfig.Plan %q is no name of a directory", c.Plan)
	case !slices.ContainsFunc(c.Servers, hasID(c.Raft.LocalID)):
		return fmt.Errorf("%w: %q, this server, is not in it; raft would start, and never take part", ErrOtherPeers, c.Raft.LocalID)
	}
	return nil
}

// change is all that is written to the stores, and the proof that it took.
func (c RecoverConfig) change(ctx context.Context, before end, already bool) (backup string, err error) {
	if c.Expect != (Entry{}) && c.Expect != before.last {
		return "", fmt.Errorf("%w: its log ends at term %d, index %d, not at term %d, index %d; stop everything and plan again",
			ErrMoved, before.last.Term, before.last.Index, c.Expect.Term, c.Expect.Index)
	}
	if backup, err = c.backup(ctx, before.last); err != nil {
		return "", err
	}
	if already { // a crash after the snapshot: what is left is to empty the log
		err = c.Logs.DeleteRange(before.logFirst, before.logLast)
	} else {
		err = raft.RecoverCluster(c.Raft, c.NewFSM(), c.Logs, c.Stable, c.Snaps, c.Trans, raft.Configuration{Servers: c.Servers})
	}
	if err != nil {
		return "", fmt.Errorf("%w; peers.json stays, and the copy is in %s", err, backup)
	}
	after, err := readEnd(c.Logs, c.Snaps)
	if err != nil {
		return "", err
	}
	if err := after.holds(c.Servers, before.last); err != nil {
		return "", err
	}
	if after.logLast > 0 {
		return "", fmt.Errorf("%w: the log still has entries up to index %d", ErrNotTaken, after.logLast)
	}
	return backup, nil
}

// backup is where the copy is; "" if it is not ours.
func (c RecoverConfig) backup(ctx context.Context, last Entry) (string, error) {
	switch {
	case c.NoBackup:
		return "", nil
	case c.Backup != nil:
		if err := c.Backup(ctx); err != nil {
			return "", fmt.Errorf("RecoverConfig.Backup: %w; nothing was changed", err)
		}
		return "", nil
	}
	name := c.Plan
	if name == "" {
		name = fmt.Sprintf("recovery-%s-%d-%d", DigestOf(c.Servers), last.Term, last.Index)
	}
	dir, err := (&backup{root: c.Dir, progress: c.Progress, free: c.free}).run(ctx, name, last)
	if err != nil {
		return "", fmt.Errorf("%w; nothing was changed", err)
	}
	return dir, nil
}
