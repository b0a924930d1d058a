// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"sync"
	"time"
)

// gate is a place in a server where work can be slowed, stopped or failed. It
// belongs to the server, not to one incarnation of it: a slow disk is slow
// after a restart too.
type gate struct {
	counts           *counters
	note             func(begin bool, text string)
	slow, hang, fail Kind

	mu    sync.Mutex
	delay time.Duration
	shut  chan struct{} // non-nil: hangs until it is closed
	err   error         // the next pass returns it, once
}

func (g *gate) setDelay(d time.Duration) {
	d = max(d, 0)
	g.mu.Lock()
	was := g.delay
	g.delay = d
	g.mu.Unlock()
	if d > 0 {
		g.counts.request(g.slow)
	}
	if d != was {
		g.note(d > 0, g.slow.String())
	}
}

func (g *gate) close() {
	g.mu.Lock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
	g.mu.Unlock()
	g.counts.request(g.hang)
	g.note(true, g.hang.String())
}

func (g *gate) open() {
	g.mu.Lock()
	shut := g.shut
	g.shut = nil
	g.mu.Unlock()
	if shut != nil {
		close(shut)
		g.note(false, g.hang.String())
	}
}

func (g *gate) failOnce(err error) {
	if err == nil {
		err = ErrInjected
	}
	g.mu.Lock()
	g.err = err
	g.mu.Unlock()
	g.counts.request(g.fail)
	g.note(true, g.fail.String())
}

// disarm takes back a failOnce that has not happened.
func (g *gate) disarm() {
	g.mu.Lock()
	armed := g.err != nil
	g.err = nil
	g.mu.Unlock()
	if armed {
		g.note(false, g.fail.String())
	}
}

// heal ends every fault of the gate.
func (g *gate) heal() {
	g.mu.Lock()
	slow := g.delay > 0
	g.delay = 0
	g.mu.Unlock()
	if slow {
		g.note(false, g.slow.String())
	}
	g.disarm()
	g.open()
}

// pass lets work through the gate: it waits as long as the faults say, and
// returns the error that the work must fail with. It ends early when quit is
// closed, because a crash must not wait for a hung disk.
func (g *gate) pass(quit <-chan struct{}) error {
	if closed(quit) {
		return nil // of a dead incarnation: it must not use up what is meant for the next
	}
	g.mu.Lock()
	delay, shut, err := g.delay, g.shut, g.err
	g.err = nil
	g.mu.Unlock()
	if delay > 0 {
		g.counts.fire(g.slow)
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-quit:
		}
	}
	if shut != nil {
		g.counts.fire(g.hang)
		select {
		case <-shut:
		case <-quit:
		}
	}
	if err != nil {
		g.counts.fire(g.fail)
		g.note(false, g.fail.String())
	}
	return err
}
