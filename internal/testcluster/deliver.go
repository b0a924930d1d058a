// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"time"

	"github.com/hashicorp/raft"
)

// cross waits until a message has crossed the network, or says why it did not.
// The route is looked at when the message leaves and again when it arrives: a
// cut kills what is in flight.
func (t *transport) cross(r route, delay time.Duration, deadline <-chan time.Time) error {
	p := t.net.look(r)
	if delay > 0 && p.refused == 0 && !p.hole {
		t.net.counts.fire(Delay)
		if err := t.pause(delay, deadline); err != nil {
			return err
		}
		p = t.net.look(r)
	}
	switch {
	case p.refused != 0:
		t.net.counts.fire(p.refused)
		return errRefused
	case p.hole:
		t.net.counts.fire(BlackHole)
		return t.sink(r, p, deadline)
	}
	select {
	case <-t.off:
		return errDetached
	default:
		return nil
	}
}

// sink waits at the bottom of a black hole.
func (t *transport) sink(r route, p passage, deadline <-chan time.Time) error {
	for p.hole && p.refused == 0 {
		select {
		case <-p.changed:
			p = t.net.look(r)
		case <-t.off:
			return errDetached
		case <-deadline:
			return errTimeout
		}
	}
	return errSwallow
}

func (t *transport) pause(d time.Duration, deadline <-chan time.Time) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.off:
		return errDetached
	case <-deadline:
		return errTimeout
	}
}

// receive hands a call to raft, and reports false if the port is detached. It
// does not wait: as with NetworkTransport, whose handler goroutine keeps the
// call until raft takes it, a caller that gives up does not take his call back.
func (t *transport) receive(rpc raft.RPC) bool {
	if handler := t.fastPath(rpc); handler != nil {
		return t.spawn(func() { handler(rpc) })
	}
	select {
	case <-t.off:
		return false
	default:
	}
	select {
	case t.rpcs <- rpc: // raft's main loop was waiting: no goroutine needed
		return true
	default:
	}
	return t.spawn(func() {
		select {
		case t.rpcs <- rpc:
		case <-t.off:
		}
	})
}
