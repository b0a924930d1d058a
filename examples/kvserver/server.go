// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"github.com/raftkeel/raftkeel/leadership"
)

// serve runs the server until ctx ends or a part of it fails. What is open
// when it cannot start, the exit closes.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	logger := hclog.New(&hclog.LoggerOptions{Name: o.id, Output: stderr, Level: hclog.Info})
	listener, err := net.Listen("tcp", o.http)
	if err != nil {
		return err
	}
	kv, notifier := newStore(), leadership.NewNotifier()
	r, log, err := openRaft(o, kv, notifier, logger)
	if err != nil {
		return err
	}
	runner, err := leadership.New(r, notifier, leadership.Role{Establish: establish},
		leadership.Config{TransferOnClose: true, Logger: logger})
	if err != nil {
		return err
	}
	web := (&api{id: o.id, raft: r, runner: runner, store: kv}).server()
	fmt.Fprintf(stdout, "kvserver %s: http %v, raft %s\n", o.id, listener.Addr(), o.raft)
	err = work(ctx, runner, web, listener)
	return errors.Join(err, shutdown(r, log)) // and no RemoveServer: it comes back
}

// shutdown does not wait for a raft that hangs, and leaves open what it may use.
func shutdown(r *raft.Raft, log io.Closer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if err := new(leadership.Calls).Await(ctx, r.Shutdown()); err != nil {
		return err
	}
	return log.Close()
}

// work returns when both parts have ended: first requests, then leadership.
func work(ctx context.Context, runner *leadership.Runner, web *http.Server, listener net.Listener) error {
	leading, stopLeading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLeading()
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	var webErr, runErr error
	parts.Go(func() { defer stop(); webErr = web.Serve(listener) })
	parts.Go(func() { defer stop(); runErr = runner.Run(leading) })
	<-ctx.Done()
	bounded, cancel := context.WithTimeout(leading, 2*patience)
	defer cancel()
	stopErr := web.Shutdown(bounded)
	stopLeading()
	parts.Wait()
	if errors.Is(webErr, http.ErrServerClosed) {
		webErr = nil // we closed it
	}
	return errors.Join(webErr, stopErr, runErr)
}

// establish is the first thing a session does: once its token is in the store,
// nothing that an older session left behind can take effect.
func establish(ctx context.Context, s *leadership.Session) error {
	_, err := apply(ctx, s, command{op: claim})
	return err
}

// openRaft starts raft, with -peers as its first servers if -dir is empty.
func openRaft(o options, fsm raft.FSM, n *leadership.Notifier, logger hclog.Logger) (*raft.Raft, io.Closer, error) {
	reached, err := net.ResolveTCPAddr("tcp", string(o.peers[o.self].Address))
	if err != nil {
		return nil, nil, err
	}
	// One RPC in flight: raft's pipelining gains little (hashicorp/raft#541) and can
	// hang, for good, replication to a server and the shutdown.
	trans, err := raft.NewTCPTransportWithConfig(o.raft, reached,
		&raft.NetworkTransportConfig{MaxPool: 3, MaxRPCsInFlight: 1, Timeout: 10 * time.Second, Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	snaps, err := raft.NewFileSnapshotStoreWithLogger(o.dir, 2, logger) // makes -dir
	if err != nil {
		return nil, nil, err
	}
	logger.Info("opening, as soon as no other process has it open", "dir", o.dir)
	log, err := raftboltdb.NewBoltStore(filepath.Join(o.dir, "raft.db"))
	if err != nil {
		return nil, nil, err
	}
	conf := o.raftConfig()
	conf.Logger = logger
	conf.NotifyCh = n.NotifyCh() // raft can never block on it
	err = raft.BootstrapCluster(conf, log, log, snaps, trans, raft.Configuration{Servers: o.peers})
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) { // that says: it has been here before
		return nil, nil, err
	}
	r, err := raft.NewRaft(conf, fsm, log, log, snaps, trans)
	return r, log, err
}

func (o options) raftConfig() *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(o.id)
	conf.HeartbeatTimeout, conf.ElectionTimeout = o.heartbeat, o.heartbeat
	conf.LeaderLeaseTimeout, conf.CommitTimeout = o.heartbeat/2, o.heartbeat/20
	conf.SnapshotInterval = 5 * o.heartbeat // how often it looks whether one is due
	conf.SnapshotThreshold, conf.TrailingLogs = o.snapshot, o.snapshot
	return conf
}
