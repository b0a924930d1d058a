// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// errands are calls that may never come back: of the source, of the prober, of raft.
// Each has a name. While one is out, none of its name is begun, so that what hangs
// costs one goroutine, for however long it hangs.
type errands struct {
	mu  sync.Mutex
	out map[string]chan struct{} // by name; closed when it is back
}

// errand runs f on a goroutine and returns its answer, or the cause of ctx when that
// ends first. One of the same name that is still out is waited for first.
func errand[T any](ctx context.Context, e *errands, name string, f func(context.Context) (T, error)) (answer T, err error) {
	end, err := e.begin(ctx, name)
	if err != nil {
		return answer, err
	}
	back := make(chan T, 1)
	failed := make(chan error, 1)
	go func() {
		defer end()
		if answer, err := f(ctx); err != nil {
			failed <- err
		} else {
			back <- answer
		}
	}()
	select {
	case answer = <-back:
		return answer, nil
	case err = <-failed:
		return answer, err
	case <-ctx.Done():
	}
	select { // an answer that is there wins
	case answer = <-back:
		return answer, nil
	case err = <-failed:
		return answer, err
	default:
		return answer, fmt.Errorf("peers: gave up waiting for %s: %w", name, context.Cause(ctx))
	}
}

func (e *errands) begin(ctx context.Context, name string) (end func(), err error) {
	for {
		e.mu.Lock()
		earlier := e.out[name]
		if earlier == nil {
			done := make(chan struct{})
			if e.out == nil {
				e.out = map[string]chan struct{}{}
			}
			e.out[name] = done
			e.mu.Unlock()
			return func() { e.end(name, done) }, nil
		}
		e.mu.Unlock()
		select {
		case <-earlier:
		case <-ctx.Done():
			return nil, fmt.Errorf("peers: an earlier call of %s has not come back: %w", name, context.Cause(ctx))
		}
	}
}

func (e *errands) end(name string, done chan struct{}) {
	e.mu.Lock()
	delete(e.out, name)
	e.mu.Unlock()
	close(done)
}

func (e *errands) isOut(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out[name] != nil
}

// names are those that are out, in order.
func (e *errands) names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.out))
}

// rest waits until all are back, or ctx ends, and names those that are not.
func (e *errands) rest(ctx context.Context) []string {
	for {
		e.mu.Lock()
		var one chan struct{}
		for _, done := range e.out {
			one = done
			break
		}
		e.mu.Unlock()
		if one == nil {
			return nil
		}
		select {
		case <-one:
		case <-ctx.Done():
			return e.names()
		}
	}
}

// tame turns a panic of a callback into an error.
func tame[T any](what string, f func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (answer T, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("peers: %s panicked: %v", what, v)
			}
		}()
		return f(ctx)
	}
}
