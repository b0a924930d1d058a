// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command kvserver is a small replicated key-value store to start from:
// hashicorp/raft over TCP, its log in bolt, packages leadership and peers, and HTTP.
// README.md has the commands, and what each answer to a client means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
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
	id, http, raft, dir, members string
	expect, voters               int
	leave, single                bool
	forget, heartbeat            time.Duration
	snapshot                     uint64
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("kvserver", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.id, "id", "", "`name` of this server in -members")
	flags.StringVar(&o.http, "http", "", "`host:port` to listen on for clients")
	flags.StringVar(&o.raft, "raft", "", "`host:port` to listen on for the other servers, who dial the one in -members")
	flags.StringVar(&o.dir, "dir", "", "`directory` of the log and the snapshots")
	flags.StringVar(&o.members, "members", "", "`file` of the servers there are, a line each: id, host:port of raft, host:port of http")
	flags.IntVar(&o.expect, "expect", 0, "make a cluster of this `number` of servers, while -dir is empty, once all in -members answer")
	join := flags.Bool("join", false, "make no cluster: wait to be added to one")
	flags.IntVar(&o.voters, "voters", 0, "`number` of servers with a vote, the same on all; 0: all, and none is removed unless it leaves")
	flags.DurationVar(&o.forget, "forget", 10*time.Minute, "silence of a server no longer in -members before it is removed; 1s or more")
	flags.BoolVar(&o.leave, "leave", false, "a signal to stop removes this server from the cluster, if the others can do without")
	flags.BoolVar(&o.single, "allow-single", false, "take a peers.json in -dir that has this server alone")
	flags.DurationVar(&o.heartbeat, "heartbeat", time.Second, "silence of a leader that starts an election, the same on all; 20ms..1m")
	flags.Uint64Var(&o.snapshot, "snapshot", 8192, "log `entries` between snapshots, and kept after one")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if err = o.check(flags.NArg(), *join); err != nil {
		fmt.Fprintln(stderr, "kvserver:", err)
		flags.Usage()
	}
	return o, err
}

func (o options) check(args int, join bool) error {
	switch {
	case args > 0 || o.id == "" || o.http == "" || o.raft == "" || o.dir == "" || o.members == "":
		return errors.New("it takes -id, -http, -raft, -dir, -members and no arguments")
	case o.expect < 0 || join != (o.expect == 0):
		return errors.New("it takes either -expect, 1 or more, or -join")
	case o.forget < time.Second:
		return fmt.Errorf("-forget is %v; want 1s or more", o.forget)
	case o.heartbeat < 20*time.Millisecond || o.heartbeat > time.Minute:
		return fmt.Errorf("-heartbeat is %v; want 20ms to 1m", o.heartbeat)
	}
	return o.policy().Validate()
}

// policy gives the other times of the library their proportion to -forget.
func (o options) policy() peers.Policy {
	return peers.Policy{
		TargetVoters: o.voters, AbsentAfter: o.forget,
		DeadAfter: o.forget / 10, RemovalEvery: o.forget / 10, StableFor: o.forget / 60,
	}
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
