// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Restore is raft.Raft.Restore for a server that a Runner leads: the watchdog
// looks away while raft answers nobody (raft.go, restoreUserSnapshot, copies on its
// main goroutine), and when raft is done the session is reasserted, because the
// state below it is another one.
//
// raft cannot give up a restore that it has begun. If ctx ends first, Restore
// returns with ErrOutcomeUnknown in the error's chain, goes on reading snapshot,
// and reasserts when raft is done.
func (r *Runner) Restore(ctx context.Context, meta *raft.SnapshotMeta, snapshot io.Reader) error {
	if ctx == nil || meta == nil || snapshot == nil {
		return errors.New("leadership: Restore needs a context, the snapshot's metadata and its data")
	}
	if ctx.Err() != nil {
		return fmt.Errorf("leadership: restore not started: %w", context.Cause(ctx))
	}
	done := make(chan error, 1)
	go func() {
		var taken atomic.Bool
		err := r.raft.Restore(meta, &firstRead{snapshot, func() {
			if taken.CompareAndSwap(false, true) {
				r.restored.Store(r.raft.AppliedIndex())
				r.restores.Add(1)
			}
		}}, 0)
		if taken.Load() {
			r.Reassert()
			r.restores.Add(-1)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("leadership: restore: %w: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
}

// firstRead tells when raft reads: it has taken the restore then, and answers
// nobody. Before that it must answer as ever, and is looked after: behind a hung
// disk a restore waits for good.
type firstRead struct {
	io.Reader
	tell func()
}

func (f *firstRead) Read(p []byte) (int, error) {
	f.tell()
	return f.Reader.Read(p)
}
