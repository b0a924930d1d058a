// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command kvserver is a small replicated key-value store to start from:
// hashicorp/raft over TCP, its log in bolt, package leadership, and HTTP.
//
// Three on one machine, each in a terminal of its own:
//
//	P=a=127.0.0.1:7001,b=127.0.0.1:7002,c=127.0.0.1:7003
//	go run ./examples/kvserver -id a -http 127.0.0.1:8001 -raft 127.0.0.1:7001 -dir kv/a -peers $P
//	go run ./examples/kvserver -id b -http 127.0.0.1:8002 -raft 127.0.0.1:7002 -dir kv/b -peers $P
//	go run ./examples/kvserver -id c -http 127.0.0.1:8003 -raft 127.0.0.1:7003 -dir kv/c -peers $P
//
// and in a fourth (if a does not lead, it says who does):
//
//	curl -X PUT -d red 127.0.0.1:8001/kv/colour
//	curl 127.0.0.1:8001/kv/colour            # linearizable, from the leader
//	curl '127.0.0.1:8002/kv/colour?stale=1'  # from any server, perhaps old
//	curl -X DELETE 127.0.0.1:8001/kv/colour
//	curl 127.0.0.1:8001/status; curl -i 127.0.0.1:8001/health
//	curl -X POST '127.0.0.1:8001/transfer?to=b'
//
// Every write carries the token of its session of leadership, and the store
// refuses a token older than the newest it has seen: what a former session
// left behind cannot take effect late. A session's first write, its claim,
// brings the token. A read is linearizable by the session's ReadBarrier.
//
// Errors come as JSON; "leader" in it is the id of the server to ask. Status:
//
//	200  done; of /health: a follower, or a leader that is ready
//	400  wrong key, query or body
//	404  there is no such key
//	413  the value is over 64 KiB
//	503  refused: nothing was done, nothing will be; ask the leader, or again.
//	     Of /health: a leader not ready, or stuck. Of /transfer: it failed
//	504  outcome unknown: the write was done, or will be, or never will be; a
//	     connection that breaks before the answer means the same
//
// At SIGINT or SIGTERM a server finishes its requests, hands leadership over,
// and exits, and stays a member: start it again with the same flags. kill -9
// loses nothing either. But never give a member an empty -dir: -peers counts
// again then, and it has forgotten its votes. There is no TLS and no login.
//
// It exits 0 after a stop, 1 if something failed, 2 if it was called wrongly.
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
