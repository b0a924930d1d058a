// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// Move changes the address at which a server is reached, at once: by a lease that ran
// out if the server runs, by a reboot if it is down. Nobody is told. It fails when another
// server is at that address; to swap two, move one out of the way first.
func (n *Network) Move(id raft.ServerID, to raft.ServerAddress) error {
	s, err := n.number(id)
	if err != nil {
		return err
	}
	n.mu.Lock()
	at := slices.Index(n.addrs, to)
	if at >= 0 && at != s {
		n.mu.Unlock()
		return fmt.Errorf("testcluster: %s is at %q: Move it first", n.ids[at], to)
	}
	n.addrs[s] = to
	l, _ := n.ports[s].(*pipeTransport)
	n.mu.Unlock()
	if l != nil {
		l.layer.hangUp()
	}
	n.note(false, id, "moved to "+string(to))
	return nil
}

func (n *Network) address(number int) raft.ServerAddress {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addrs[number]
}

func (n *Network) numberAt(addr raft.ServerAddress) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.addrs, addr); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("testcluster: no server at address %q (an id is not an address)", addr)
}

// providerOf is what the port of a server asks where another one is; nil: nothing.
func (n *Network) providerOf(number int) raft.ServerAddressProvider {
	if n.provider == nil {
		return nil
	}
	return n.provider(n.ids[number])
}

// Dial finds who answers at an address, by the network as it is now: for calls of
// the program's own beside raft's. It fails when nobody does, when the server there is
// down, or when either direction is cut. In a black hole it waits for ctx.
func (c *Cluster) Dial(ctx context.Context, from raft.ServerID, to raft.ServerAddress) (*Server, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	caller, err := c.network.number(from)
	if err != nil {
		return nil, err
	}
	target, err := c.network.numberAt(to)
	if err != nil {
		return nil, err
	}
	s := c.servers[target]
	if caller == target {
		_, err := s.running()
		return s, err
	}
	var never chan time.Time // ctx is the only deadline
	out := route{caller, target}
	for _, r := range []route{out, out.back()} {
		if err := c.network.pass(r, ctx.Done(), never); err != nil {
			return nil, fmt.Errorf("dial %s: %w", to, err)
		}
	}
	_, err = s.running()
	return s, err
}
