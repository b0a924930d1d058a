// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
	"github.com/raftkeel/raftkeel/leadership"
)

// program is what runs beside raft on one server: it listens for leadership
// and does work when it comes. listen is its one difference: naive.go, kept.go.
type program struct {
	id     raft.ServerID
	raft   *raft.Raft
	record func(timeline.Event)
	done   chan struct{}

	notify   chan bool            // of the naive one
	notifier *leadership.Notifier // of the kept one
	told     leadership.Update    // the last update, with the counts of all

	mu    sync.Mutex
	step  string // what it is waiting for; "" if for leadership
	since time.Time
}

func (p *program) enter(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step, p.since = step, time.Now()
}

// hangs reports the step that the program is in for too long.
func (p *program) hangs() (step string, since time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.step, p.since, p.step != "" && time.Since(p.since) > tooLong
}

// deaf says how raft fails to answer a write; "" if it answers.
func (p *program) deaf() string {
	answer := make(chan error, 1)
	go func() { answer <- p.raft.Apply([]byte("x"), tooLong/5).Error() }()
	select {
	case err := <-answer:
		if errors.Is(err, raft.ErrEnqueueTimeout) {
			return "takes no call: " + err.Error()
		}
		return ""
	case <-time.After(tooLong / 2):
		return "took a write that it cannot finish: those who hang do not store it"
	}
}

func (p *program) note(kind timeline.Kind, at time.Time) {
	p.record(timeline.Event{At: at, Server: string(p.id), Kind: kind})
}

// establish is what a leader does first: it reads and writes replicated state,
// and waits for it, without a deadline. It stops at the first error.
func (p *program) establish(ctx context.Context) error {
	p.note(timeline.Establish, time.Now())
	for i := 1; i <= steps && ctx.Err() == nil; i++ {
		p.enter(fmt.Sprintf("Barrier %d of %d", i, steps))
		if err := p.raft.Barrier(0).Error(); err != nil {
			return err
		}
		p.enter("")
		sleep(ctx, stepTime)
	}
	if ctx.Err() == nil {
		p.note(timeline.Established, time.Now())
	}
	return context.Cause(ctx)
}

func (p *program) revoke() {
	p.enter("")
	p.note(timeline.Revoked, time.Now())
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
