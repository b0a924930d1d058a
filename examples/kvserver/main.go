// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command kvserver is a small replicated key-value store to start from:
// hashicorp/raft over TCP, its log in bolt, package leadership, and HTTP.
// README.md has the commands, and what each answer to a client means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "kvserver:", err)
		return 1
	}
	return 0
}

type options struct {
	id, http, raft, dir string
	peers               []raft.Server
	self                int // among peers
	heartbeat           time.Duration
	snapshot            uint64
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("kvserver", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.id, "id", "", "`name` of this server among -peers")
	flags.StringVar(&o.http, "http", "", "`host:port` for clients")
	flags.StringVar(&o.raft, "raft", "", "`host:port` to listen on for the other servers, who dial the one in -peers")
	flags.StringVar(&o.dir, "dir", "", "`directory` of the log and the snapshots")
	flags.DurationVar(&o.heartbeat, "heartbeat", time.Second, "silence of a leader that starts an election, the same on all; 20ms..1m")
	flags.Uint64Var(&o.snapshot, "snapshot", 8192, "log `entries` between snapshots, and kept after one")
	peers := flags.String("peers", "", "`id=host:port,...` of the first servers, this one included; counts while -dir is empty")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if err = o.check(flags.NArg(), *peers); err != nil {
		fmt.Fprintln(stderr, "kvserver:", err)
		flags.Usage()
	}
	return o, err
}

func (o *options) check(args int, peers string) (err error) {
	if o.peers, err = parsePeers(peers); err != nil {
		return err
	}
	o.self = slices.IndexFunc(o.peers, func(s raft.Server) bool { return string(s.ID) == o.id })
	switch {
	case args > 0 || o.http == "" || o.raft == "" || o.dir == "":
		return errors.New("it takes -http, -raft, -dir and no arguments")
	case o.self < 0:
		return fmt.Errorf("-id %q is not one of -peers", o.id)
	case o.heartbeat < 20*time.Millisecond || o.heartbeat > time.Minute:
		return fmt.Errorf("-heartbeat is %v; want 20ms to 1m", o.heartbeat)
	}
	return nil
}

func parsePeers(list string) (peers []raft.Server, err error) {
	for one := range strings.SplitSeq(list, ",") {
		id, addr, _ := strings.Cut(one, "=")
		host, port, err := net.SplitHostPort(addr)
		if err != nil || id == "" || host == "" || port == "" {
			return nil, fmt.Errorf("-peers has %q; want id=host:port", one)
		}
		p := raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(addr)}
		if slices.ContainsFunc(peers, func(q raft.Server) bool { return p.ID == q.ID || p.Address == q.Address }) {
			return nil, fmt.Errorf("-peers has %q, or a part of it, twice", one)
		}
		peers = append(peers, p)
	}
	return peers, nil
}
