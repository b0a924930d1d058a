// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Network is the switch between the servers. All its methods may be called at
// any time from any goroutine, and none of them waits. An error means that the
// call named an unknown server or an impossible fault, and that nothing changed.
//
// Three layers decide whether a message passes: the state of its link ([Network.Set]),
// isolation ([Network.Isolate]) and the partition ([Network.Partition]).
type Network struct {
	counts   *counters
	note     func(begin bool, server raft.ServerID, text string) // records a fault's begin or end
	ids      []raft.ServerID
	timeout  time.Duration
	fastPath bool
	pipes    bool
	logger   hclog.Logger
	initial  Link
	provider func(raft.ServerID) raft.ServerAddressProvider // nil: addresses are dialled as given

	mu       sync.Mutex
	wires    [][]wire // [from][to]
	isolated []bool
	addrs    []raft.ServerAddress // where each server is reached
	side     []int                // nil: no partition; otherwise the group a server is in
	ports    []port
	changed  chan struct{}     // closed and replaced when any of the above changes
	shown    map[string]string // links in trouble, and what the timeline calls it
}

// port is a server's end of the network for one incarnation of raft.
type port interface {
	raft.Transport

	// inbox is the channel that raft's main loop takes calls from.
	inbox() chan<- raft.RPC

	// detach takes the port off the network, at once and for good. Calls in
	// flight fail, and no answer given by raft from now on reaches anybody.
	detach()

	// detached is closed by detach.
	detached() <-chan struct{}

	// spawn runs f on a goroutine that wait waits for; false after detach.
	spawn(f func()) bool

	// wait returns when every goroutine of the port has ended. Call detach first.
	wait()
}

func newNetwork(cfg Config, ids []raft.ServerID, counts *counters, note func(bool, raft.ServerID, string)) *Network {
	n := &Network{
		counts: counts, note: note, ids: ids, timeout: cfg.RPCTimeout,
		fastPath: !cfg.NoFastPath, pipes: cfg.Pipes, logger: cfg.Logger.Named("transport"), initial: cfg.Link,
		provider: cfg.Addresses,
		wires:    make([][]wire, len(ids)),
		isolated: make([]bool, len(ids)),
		ports:    make([]port, len(ids)),
		changed:  make(chan struct{}),
		shown:    make(map[string]string),
	}
	for from := range ids {
		n.addrs = append(n.addrs, addressOf(ids[from]))
		n.wires[from] = make([]wire, len(ids))
		for to := range ids {
			key := mix(cfg.Seed ^ mix(uint64(from)<<8|uint64(to)))
			n.wires[from][to] = wire{Link: cfg.Link, key: key}
		}
	}
	for _, k := range cfg.Link.kinds() {
		counts.request(k)
	}
	return n
}

// Set replaces the state of the link from one server to another, by id.
func (n *Network) Set(from, to raft.ServerID, l Link) error {
	f, err := n.number(from)
	if err != nil {
		return err
	}
	t, err := n.number(to)
	if err != nil {
		return err
	}
	if f == t {
		return fmt.Errorf("testcluster: %s has no link to itself", from)
	}
	return n.set(l, fmt.Sprintf("%s>%s", from, to), func(r route) bool { return r == route{f, t} })
}

// SetAll replaces the state of every link.
func (n *Network) SetAll(l Link) error {
	return n.set(l, "all links", func(route) bool { return true })
}

func (n *Network) set(l Link, what string, match func(route) bool) error {
	if err := l.validate(n.pipes); err != nil {
		return fmt.Errorf("testcluster: %s: %w", what, err)
	}
	for _, k := range l.kinds() {
		n.counts.request(k)
	}
	n.change(func() {
		for from := range n.wires {
			for to := range n.wires[from] {
				if from != to && match(route{from, to}) {
					n.wires[from][to].Link = l
				}
			}
		}
	})
	n.show(what, l)
	return nil
}

// show tells the timeline that what was wrong with some links has ended, and
// what is wrong now.
func (n *Network) show(what string, l Link) {
	n.mu.Lock()
	before := n.shown[what]
	delete(n.shown, what)
	now := what + " " + l.String()
	if l != n.initial {
		n.shown[what] = now
	}
	n.mu.Unlock()
	if before != "" {
		n.note(false, "", before)
	}
	if l != n.initial {
		n.note(true, "", now)
	}
}

// Isolate refuses every message from and to a server, at once as a closed port
// would, until [Network.Rejoin] or [Network.Heal].
func (n *Network) Isolate(id raft.ServerID) error {
	s, err := n.number(id)
	if err != nil {
		return err
	}
	n.counts.request(Isolate)
	n.change(func() { n.isolated[s] = true })
	n.note(true, id, "isolate")
	return nil
}

// Rejoin ends the isolation of a server. It touches neither its links nor the
// partition.
func (n *Network) Rejoin(id raft.ServerID) error {
	s, err := n.number(id)
	if err != nil {
		return err
	}
	n.change(func() { n.isolated[s] = false })
	n.note(false, id, "isolate")
	return nil
}

// Partition splits the servers: messages pass only within a group. Servers
// that no group names form one more. Without groups it ends the partition.
func (n *Network) Partition(groups ...[]raft.ServerID) error {
	if len(groups) == 0 {
		n.change(func() { n.side = nil })
		n.note(false, "", "partition")
		return nil
	}
	side := make([]int, len(n.ids))
	for g, group := range groups {
		for _, id := range group {
			s, err := n.number(id)
			if err != nil {
				return err
			}
			if side[s] != 0 {
				return fmt.Errorf("testcluster: partition names %s twice", id)
			}
			side[s] = g + 1
		}
	}
	n.counts.request(Partition)
	n.change(func() { n.side = side })
	n.note(true, "", "partition")
	return nil
}

// Heal ends isolation and partition and puts every link back to Config.Link.
// Calls that hang in a black hole fail.
func (n *Network) Heal() {
	n.change(func() {
		clear(n.isolated)
		clear(n.shown)
		n.side = nil
		for from := range n.wires {
			for to := range n.wires[from] {
				n.wires[from][to].Link = n.initial
			}
		}
	})
	n.note(false, "", "")
}

func (n *Network) number(id raft.ServerID) (int, error) {
	for i, known := range n.ids {
		if known == id {
			return i, nil
		}
	}
	return 0, fmt.Errorf("testcluster: no server %q: have %v", id, n.ids)
}

// change edits the state and wakes every call that waits in a black hole.
func (n *Network) change(edit func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	edit()
	close(n.changed)
	n.changed = make(chan struct{})
}

// attach makes p the port of server s.
func (n *Network) attach(s int, p port) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[s] = p
}

// passage is what a route looks like at one moment.
type passage struct {
	refused Kind            // 0: none
	hole    bool            // swallows messages
	changed <-chan struct{} // closed when any of it may be out of date
}

func (n *Network) look(r route) passage {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := &n.wires[r.from][r.to]
	p := passage{hole: w.BlackHole, changed: n.changed}
	switch {
	case n.isolated[r.from] || n.isolated[r.to]:
		p.refused = Isolate
	case n.side != nil && n.side[r.from] != n.side[r.to]:
		p.refused = Partition
	case w.Cut:
		p.refused = Cut
	}
	return p
}

// dispatch numbers the next message of a route, decides its fate, and finds
// the port it goes to, nil if the server is down.
func (n *Network) dispatch(r route) (fate, port) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wires[r.from][r.to].next(n.wires[r.to][r.from].Link), n.ports[r.to]
}
