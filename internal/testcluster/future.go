// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"fmt"
	"reflect"

	"github.com/hashicorp/raft"
)

// await makes a call that returns a future, and waits for it or for ctx.
//
// A future can hang for ever: its timeout bounds only the enqueueing, and some
// are not even resolved when raft shuts down. So the wait is on a goroutine of its
// own, which ends at the latest when the incarnation has stopped.
func (c *Cluster) await(ctx context.Context, n *node, call func(*raft.Raft) raft.Future) error {
	done, err := c.begin(n, call)
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin is the first half of await. The channel gets one error.
func (c *Cluster) begin(n *node, call func(*raft.Raft) raft.Future) (<-chan error, error) {
	done := make(chan error, 1)
	ok := c.tasks.spawn(func() {
		future := call(n.raft)
		abandonAt(future, n.gone)
		done <- future.Error()
	})
	if !ok {
		return nil, fmt.Errorf("%w: the cluster is closed", ErrDown)
	}
	return done, nil
}

// abandonAt makes the future's Error return ErrRaftShutdown when gone is closed.
// Error selects on an exported field that raft itself sets for two internal
// futures only (future.go, deferError). If the field is not there, nothing
// happens, and Error may hang.
func abandonAt(future raft.Future, gone chan struct{}) {
	v := reflect.ValueOf(future)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return // an error that is known already
	}
	field := v.Elem().FieldByName("ShutdownCh")
	if field.IsValid() && field.CanSet() && field.Type() == reflect.TypeFor[chan struct{}]() {
		field.Set(reflect.ValueOf(gone))
	}
}
