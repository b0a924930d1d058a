// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import "sync"

// tasks are goroutines that somebody waits for. A bare WaitGroup does not do:
// others may still add to it while its owner waits.
type tasks struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

// spawn runs f on a goroutine, or reports false if the owner no longer wants any.
func (t *tasks) spawn(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.group.Go(f)
	return true
}

// close refuses further goroutines; true for the first call.
func (t *tasks) close() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.closed
	t.closed = true
	return first
}

// wait returns when all goroutines have ended. Call close first.
func (t *tasks) wait() { t.group.Wait() }

func (t *tasks) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}
