// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"net"
	"os"
	"sync"
	"time"
)

// pipeConn is one end of a connection. Faults act on its writes, in the
// direction that they go: bytes arrive late, or not, but always in order.
type pipeConn struct {
	net.Conn
	layer *pipeLayer
	route route
	shut  chan struct{}
	once  sync.Once

	mu       sync.Mutex
	deadline time.Time // for writes
}

func newPipeConn(conn net.Conn, layer *pipeLayer, r route) *pipeConn {
	return &pipeConn{Conn: conn, layer: layer, route: r, shut: make(chan struct{})}
}

// Write waits in a black hole until it heals, and goes on then, as TCP does
// when a lost segment is sent again. A cut resets the connection.
func (c *pipeConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	deadline := c.deadline
	c.mu.Unlock()
	var expired <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		expired = timer.C
	}
	if err := c.layer.net.pass(c.route, c.shut, expired); err != nil {
		_ = c.Close() // never fails
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *pipeConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *pipeConn) Close() error {
	c.once.Do(func() { close(c.shut) })
	c.layer.forget(c)
	return c.Conn.Close()
}

// pass waits until bytes may cross a route: over after its delay, at once
// refused if it is cut, and held in a black hole until that heals.
func (n *Network) pass(r route, shut <-chan struct{}, expired <-chan time.Time) error {
	if fate, _ := n.dispatch(r); fate.delay > 0 {
		n.counts.fire(Delay)
		timer := time.NewTimer(fate.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-shut:
			return net.ErrClosed
		case <-expired:
			return os.ErrDeadlineExceeded
		}
	}
	for counted := false; ; counted = true {
		p := n.look(r)
		switch {
		case p.refused != 0:
			n.counts.fire(p.refused)
			return errRefused
		case !p.hole:
			return nil
		}
		if !counted {
			n.counts.fire(BlackHole)
		}
		select {
		case <-p.changed:
		case <-shut:
			return net.ErrClosed
		case <-expired:
			return os.ErrDeadlineExceeded
		}
	}
}
