// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// pipeTransport is raft's own NetworkTransport over in-memory connections. Its
// inbox is a channel of ours, between the transport's and raft's main loop,
// because a pause and a kick are handed in there.
//
// Pipelining is off. With raft's default of two calls in flight, a follower that
// refuses an entry at the wrong moment leaves the leader's replication goroutine
// sending on inprogressCh, and the pipeline's decoder on doneCh, each with nobody
// left to receive (replication.go, pipelineReplicate; net_transport.go,
// decodeResponses): no more entries for that follower, and no end to Shutdown.
// Random schedules meet it within seconds. Compare hashicorp/raft#612.
type pipeTransport struct {
	*raft.NetworkTransport
	layer    *pipeLayer
	rpcs     chan raft.RPC
	fastPath bool
	tasks    tasks
}

const pipePool = 3 // idle connections per peer, as applications usually set it

func (n *Network) newPort(number int) port {
	if !n.pipes {
		return newTransport(n, number)
	}
	layer := &pipeLayer{
		net: n, number: number,
		accept: make(chan net.Conn), off: make(chan struct{}), conns: make(map[net.Conn]struct{}),
	}
	t := &pipeTransport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: layer, MaxPool: pipePool, MaxRPCsInFlight: 1, Timeout: n.timeout, Logger: n.logger,
			ServerAddressProvider: n.providerOf(number),
		}),
		layer: layer, rpcs: make(chan raft.RPC), fastPath: n.fastPath,
	}
	t.spawn(t.forward)
	return t
}

func (t *pipeTransport) Consumer() <-chan raft.RPC { return t.rpcs }
func (t *pipeTransport) inbox() chan<- raft.RPC    { return t.rpcs }
func (t *pipeTransport) detached() <-chan struct{} { return t.layer.off }
func (t *pipeTransport) spawn(f func()) bool       { return t.tasks.spawn(f) }
func (t *pipeTransport) wait()                     { t.tasks.wait() }

func (t *pipeTransport) SetHeartbeatHandler(handler func(raft.RPC)) {
	if t.fastPath {
		t.NetworkTransport.SetHeartbeatHandler(handler)
	}
}

// forward hands the transport's calls on to raft.
func (t *pipeTransport) forward() {
	for {
		select {
		case rpc := <-t.NetworkTransport.Consumer():
			select {
			case t.rpcs <- rpc:
			case <-t.layer.off:
				return
			}
		case <-t.layer.off:
			return
		}
	}
}

// detach closes the connections itself: NetworkTransport.Close leaves pooled
// and accepted ones open (net_transport.go), and their goroutines with them.
func (t *pipeTransport) detach() {
	if t.tasks.close() {
		_ = t.layer.Close() // never fails
		t.CloseStreams()
		_ = t.NetworkTransport.Close()
	}
}

// Close is called by raft at the end of Shutdown.
func (t *pipeTransport) Close() error {
	t.detach()
	return nil
}

// pipeLayer is a server's raft.StreamLayer.
type pipeLayer struct {
	net    *Network
	number int
	accept chan net.Conn
	off    chan struct{} // closed by Close

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{} // our ends of all open connections
}

type pipeAddr raft.ServerAddress

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

func (l *pipeLayer) Addr() net.Addr { return pipeAddr(l.net.address(l.number)) }

func (l *pipeLayer) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accept:
		return conn, nil
	case <-l.off:
		return nil, net.ErrClosed
	}
}

func (l *pipeLayer) Close() error {
	l.mu.Lock()
	conns := l.conns
	first := !l.closed
	l.closed, l.conns = true, nil
	l.mu.Unlock()
	if first {
		close(l.off)
	}
	for conn := range conns {
		_ = conn.Close() // a pipe's Close never fails and never waits
	}
	return nil
}

// Dial needs both directions of the link for its handshake.
func (l *pipeLayer) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	target, err := l.net.numberAt(addr)
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	out := route{l.number, target}
	for _, r := range []route{out, out.back()} {
		if err := l.net.pass(r, l.off, deadline.C); err != nil {
			return nil, fmt.Errorf("dial %s: %w", addr, err)
		}
	}
	peer := l.net.layer(target)
	if peer == nil {
		return nil, fmt.Errorf("dial %s: %w", addr, ErrDown)
	}
	near, far := net.Pipe()
	ours, theirs := newPipeConn(near, l, out), newPipeConn(far, peer, out.back())
	if !l.keep(ours) || !peer.keep(theirs) {
		return nil, errors.Join(ErrDown, ours.Close(), theirs.Close())
	}
	select {
	case peer.accept <- theirs:
		return ours, nil
	case <-peer.off:
	case <-l.off:
	case <-deadline.C:
	}
	return nil, errors.Join(errTimeout, ours.Close(), theirs.Close())
}

func (l *pipeLayer) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.conns[conn] = struct{}{}
	}
	return !l.closed
}

// hangUp closes the connections that are open.
func (l *pipeLayer) hangUp() {
	l.mu.Lock()
	conns := slices.Collect(maps.Keys(l.conns))
	l.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
	}
}

func (l *pipeLayer) forget(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
}

// layer is the stream layer of a server, nil if it is down.
func (n *Network) layer(number int) *pipeLayer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t, ok := n.ports[number].(*pipeTransport); ok {
		return t.layer
	}
	return nil
}
