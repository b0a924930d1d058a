// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"reflect"

	"github.com/hashicorp/raft"
)

// settled reports whether raft refused a call on the spot, so that Error
// returns at once: such futures are values (future.go, errorFuture), and those
// that somebody has to answer are pointers.
func settled(f raft.Future) bool { return reflect.TypeOf(f).Kind() != reflect.Pointer }

// cancellable waits for a future, on the caller's goroutine, and makes its Error
// return when ctx ends. quit is what quitOf returned for it.
func cancellable(ctx context.Context, f raft.Future, quit *chan struct{}) error {
	// ctx.Done() itself does not fit: the type of the field allows sending.
	ch := make(chan struct{})
	*quit = ch
	stop := context.AfterFunc(ctx, func() { close(ch) })
	err := f.Error()
	if !stop() && err == raft.ErrRaftShutdown {
		return ended(ctx)
	}
	return err
}

// quitOf returns where the Error of a future looks for the channel that ends
// it, or nil. It must be empty: should raft come to set it, replacing it would
// hide raft's own end.
func (c *Calls) quitOf(f raft.Future) *chan struct{} {
	if !c.CancelByReflection {
		return nil
	}
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	path := c.quitPath(v.Elem().Type())
	if path == nil {
		return nil
	}
	field, err := v.Elem().FieldByIndexErr(path)
	if err != nil || !field.CanSet() {
		return nil
	}
	quit := field.Addr().Interface().(*chan struct{}) // quitPath has seen the type
	if *quit != nil {
		return nil
	}
	return quit
}

// quitPath returns the index of the field ShutdownCh, promoted from raft's
// deferError, or nil if there is none of its type. It remembers: a program has a
// handful of types of futures, and a search by name costs more than the rest of
// Await.
func (c *Calls) quitPath(of reflect.Type) []int {
	if path, ok := c.quitPaths.Load(of); ok {
		return path.([]int)
	}
	var path []int
	field, ok := of.FieldByName("ShutdownCh")
	if ok && field.Type == reflect.TypeFor[chan struct{}]() {
		path = field.Index
	}
	c.quitPaths.Store(of, path)
	return path
}
