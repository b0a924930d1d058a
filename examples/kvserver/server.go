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
	"github.com/raftkeel/raftkeel/peers"
)

// server is what there is before raft: the others must be able to ask who it is.
type server struct {
	options
	logger  hclog.Logger
	members *members
	local   *peers.Local
	door    *door
}

// serve runs the server until ctx ends or a part of it fails. What is open
// when it cannot start, the exit closes.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	s := server{
		options: o, members: newMembers(o.members, o.id), door: newDoor(),
		logger: hclog.New(&hclog.LoggerOptions{Name: o.id, Output: stderr, Level: hclog.Info}),
	}
	me, err := s.members.me()
	if err != nil {
		return err
	}
	s.local = peers.NewLocal(me.ID, me.Address, "")
	listener, err := net.Listen("tcp", o.http)
	if err != nil {
		return err
	}
	web, served := webServer(s.local, s.door), make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	go func() { defer stop(); served <- web.Serve(listener) }()
	fmt.Fprintf(stdout, "kvserver %s: http %v, raft %s\n", o.id, listener.Addr(), o.raft)
	err = errors.Join(s.run(ctx, web), web.Close())
	if webErr := <-served; !errors.Is(webErr, http.ErrServerClosed) { // else we closed it
		err = errors.Join(err, webErr)
	}
	return err
}

// run starts raft, works until ctx ends, and stops.
func (s *server) run(ctx context.Context, web *http.Server) error {
	kv, notifier, addresses := newStore(), leadership.NewNotifier(), peers.NewAddresses(s.members)
	r, log, err := s.openRaft(ctx, kv, notifier, addresses)
	if errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it waited for others
	}
	if err != nil {
		return err
	}
	runner, err := leadership.New(r, notifier, leadership.Role{Establish: establish},
		leadership.Config{TransferOnClose: true, Logger: s.logger})
	if err != nil {
		return err
	}
	reconciler, err := peers.New(r, s.local, s.members, s.members.prober, peers.Config{
		Policy: s.policy(), Every: s.forget / 120, Transfer: runner.Transfer,
		Journal: filepath.Join(s.dir, "lists.json"), Logger: s.logger,
	})
	if err != nil {
		return err
	}
	s.door.open(&api{id: s.id, raft: r, runner: runner, reconciler: reconciler, store: kv})
	err = s.work(ctx, web, runner, reconciler, addresses)
	return errors.Join(err, shutdown(r, log))
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

// work returns when all parts have ended: membership if it is to, while everything
// still runs; then requests, and then leadership.
func (s *server) work(ctx context.Context, web *http.Server, runner *leadership.Runner, reconciler *peers.Reconciler, addresses *peers.Addresses) error {
	leading, stopLeading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLeading()
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	var runErr, listErr error
	parts.Go(func() { defer stop(); runErr = runner.Run(leading) })
	parts.Go(func() { defer stop(); listErr = reconciler.Run(leading) })
	parts.Go(func() { _ = addresses.Run(leading) }) // until leading ends, which is all it returns
	<-ctx.Done()
	if s.leave {
		s.leaveGroup(leading, reconciler)
	}
	bounded, cancel := context.WithTimeout(leading, 2*patience)
	defer cancel()
	stopErr := web.Shutdown(bounded)
	stopLeading()
	parts.Wait()
	return errors.Join(stopErr, runErr, listErr)
}

// leaveGroup has this server removed, if the others can do without it. It stops in any
// case, because whoever sends signals does not take no for an answer: who may not leave
// stays in the list, and comes back to it.
func (s *server) leaveGroup(ctx context.Context, reconciler *peers.Reconciler) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	verdict, err := reconciler.Leave(ctx, raft.ServerID(s.id))
	if err != nil || verdict.Action != peers.MayLeave {
		s.logger.Warn("stopping without having left", "verdict", verdict.Action, "why", verdict.Why, "error", err)
		return
	}
	s.logger.Info("has left", "why", verdict.Why)
}

// establish is the first thing a session does: once its token is in the store,
// nothing that an older session left behind can take effect.
func establish(ctx context.Context, s *leadership.Session) error {
	_, err := apply(ctx, s, command{op: claim})
	return err
}

// openRaft starts raft once the boot check says how: on what is in -dir, as one of the
// first servers of a cluster, or blank, when a cluster has added it.
func (s *server) openRaft(ctx context.Context, fsm raft.FSM, n *leadership.Notifier, addresses *peers.Addresses) (*raft.Raft, io.Closer, error) {
	trans, err := s.transport(addresses)
	if err != nil {
		return nil, nil, err
	}
	snaps, err := raft.NewFileSnapshotStoreWithLogger(s.dir, 2, s.logger) // makes -dir
	if err != nil {
		return nil, nil, err
	}
	s.logger.Info("opening, as soon as no other process has it open", "dir", s.dir)
	log, err := raftboltdb.NewBoltStore(filepath.Join(s.dir, "raft.db"))
	if err != nil {
		return nil, nil, err
	}
	verdict, err := peers.Boot(ctx, peers.BootConfig{
		Local: s.local, Logs: log, Stable: log, Snaps: snaps, Source: s.members, Prober: s.members.prober,
		Expect: s.expect, Dir: s.dir, AllowSingle: s.single, Progress: s.door.wait, Logger: s.logger,
	})
	if err != nil {
		return nil, nil, err
	}
	conf := s.raftConfig()
	conf.Logger = s.logger
	conf.NotifyCh = n.NotifyCh() // raft can never block on it
	err = verdict.Act(ctx, conf, func() raft.FSM { return newStore() }, log, log, snaps, trans)
	if err != nil {
		return nil, nil, err
	}
	r, err := raft.NewRaft(conf, fsm, log, log, snaps, trans)
	return r, log, err
}

func (s *server) transport(addresses *peers.Addresses) (*raft.NetworkTransport, error) {
	reached, err := net.ResolveTCPAddr("tcp", string(s.local.Reply().Address))
	if err != nil {
		return nil, err
	}
	// One RPC in flight: raft's pipelining gains little (hashicorp/raft#541) and can
	// hang, for good, replication to a server and the shutdown.
	return raft.NewTCPTransportWithConfig(s.raft, reached, &raft.NetworkTransportConfig{
		MaxPool: 3, MaxRPCsInFlight: 1, Timeout: 10 * time.Second, Logger: s.logger,
		ServerAddressProvider: addresses, // dial by id: a server may come back elsewhere
	})
}
