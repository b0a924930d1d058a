// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Config describes a cluster. The zero value is three servers in memory on
// perfect links with raft's default timeouts.
type Config struct {
	// Servers is how many servers there are, 1 to 9; 0 means 3. Their ids are
	// n1, n2, ... and their addresses n1:8300, n2:8300, ...: id and address
	// differ on purpose, so that code which mixes them up fails.
	Servers int

	// Voters is how many of the servers form the first configuration; 0 means
	// all of them. The others start blank, running but members of nothing.
	Voters int

	// Seed decides the fate of every message on every link, and the victims
	// that [Cluster.Flap] picks. 0 is a seed like any other. See the package
	// comment for how far a seed replays.
	Seed uint64

	// Pipes runs raft's own NetworkTransport over net.Pipe instead of this
	// package's transport: the code of production, slower, and with only the
	// faults that a byte stream can have.
	Pipes bool

	// Dir, when set, keeps the state of server n1 in Dir/n1: a
	// raft-boltdb/v2 BoltStore in raft.db, and raft's FileSnapshotStore. Empty
	// means in memory. The directory must exist. Files are written but not
	// synced: what dies here is a process, never the machine below it.
	Dir string

	// NoFastPath sends heartbeats through raft's main loop, as InmemTransport
	// does. By default they take the fast path, as on every real transport.
	NoFastPath bool

	// Link is the initial state of every directed link, and what [Network.Heal]
	// goes back to. It must not be cut or a black hole.
	Link Link

	// Addresses, when set, makes what the transport of a server asks for the address
	// of a server that it calls by id (raft.ServerAddressProvider), at each of its
	// starts. nil: the address that the configuration has.
	Addresses func(raft.ServerID) raft.ServerAddressProvider

	// RPCTimeout is how long a call may take before it fails by itself;
	// 0 means 10 s, the usual setting of a TCP transport.
	RPCTimeout time.Duration

	// Configure, when set, has the last word on a server's raft configuration,
	// at each of its starts; the place to set NotifyCh. It is called on the
	// goroutine that starts the server and must not block.
	Configure func(raft.ServerID, *raft.Config)

	// Started, when set, is called after every NewRaft, on the goroutine that
	// starts the server, before [New] or [Server.Restart] returns. It may call
	// any method of the server that does not wait.
	Started func(*Server)

	// FSM, when set, makes the state machine that a server runs at each of its
	// starts. It is wrapped: the wrapper computes the hash chain, carries it in
	// snapshots, and applies the faults. nil means commands do nothing.
	FSM func(raft.ServerID) raft.FSM

	// Logger receives raft's log; nil is silent.
	Logger hclog.Logger
}

const (
	maxServers        = 9
	defaultServers    = 3
	defaultRPCTimeout = 10 * time.Second
)

// Validate says what is wrong with the configuration. It changes nothing.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("testcluster: Config."+format, args...))
	}
	if c.Servers < 0 || c.Servers > maxServers {
		bad("Servers is %d: want 1 to %d, or 0 for %d", c.Servers, maxServers, defaultServers)
	}
	if n := c.withDefaults().Servers; c.Voters < 0 || c.Voters > n {
		bad("Voters is %d: want 1 to %d, or 0 for all", c.Voters, n)
	}
	if c.RPCTimeout < 0 {
		bad("RPCTimeout is %v: want a positive duration, or 0 for %v", c.RPCTimeout, defaultRPCTimeout)
	}
	if err := c.Link.validate(c.Pipes); err != nil {
		bad("Link: %w", err)
	}
	if c.Link.Cut || c.Link.BlackHole {
		bad("Link: a cluster cannot start on dead links; call Network().SetAll after New")
	}
	if c.Servers == 1 && c.Link != (Link{}) {
		bad("Link: a single server has no links, so this fault could never fire")
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Servers == 0 {
		c.Servers = defaultServers
	}
	if c.Voters == 0 {
		c.Voters = c.Servers
	}
	if c.RPCTimeout == 0 {
		c.RPCTimeout = defaultRPCTimeout
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

// raftConfig is what a server starts raft with: raft's defaults, without the
// costs that only a production process wants.
func (c Config) raftConfig(id raft.ServerID) *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = id
	conf.Logger = c.Logger.With("server", string(id))
	conf.NoLegacyTelemetry = true
	if c.Configure != nil {
		c.Configure(id, conf)
	}
	return conf
}
