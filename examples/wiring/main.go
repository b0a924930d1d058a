// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command wiring is the whole of what a server does to use package leadership.
// It leads for a moment, alone, and stops.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/leadership"
)

func main() {
	notifier := leadership.NewNotifier()

	conf := raft.DefaultConfig()
	conf.LocalID = "n1"
	conf.Logger = hclog.NewNullLogger()
	conf.NotifyCh = notifier.NotifyCh() // raft can never block on it
	r, err := start(conf)
	if err != nil {
		log.Fatal(err)
	}

	runner, err := leadership.New(r, notifier, leadership.Role{ // right after NewRaft
		Establish: establish,
		Revoke:    revoke,
	}, leadership.Config{Logger: conf.Logger})
	if err != nil {
		log.Fatal(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	go serve(ctx, runner, stop)
	if err := runner.Run(ctx); err != nil { // returns when everything is undone
		log.Fatal(err)
	}
	if err := r.Shutdown().Error(); err != nil {
		log.Fatal(err)
	}
}

// establish is called when this server leads, has applied everything before, and
// holds a proven token. It must be fast: slow work goes into s.Go.
func establish(_ context.Context, s *leadership.Session) error {
	fmt.Println("establish: epoch", s.Epoch(), "in term", s.Token().Term)
	s.Go("slow work", func(ctx context.Context) error {
		<-ctx.Done() // ends with the session, whatever ends that
		fmt.Println("slow work: done")
		return nil
	})
	return nil
}

// revoke is called exactly once for each establish, when all of it has returned.
func revoke(_ context.Context, _ *leadership.Session, cause error) error {
	fmt.Println("revoke:", cause)
	return nil
}

// serve is a request handler: it writes, and reads its own write. Then this example
// has led for long enough.
func serve(ctx context.Context, runner *leadership.Runner, stop func()) {
	defer stop()
	s, err := runner.Ready(ctx)
	if err == nil {
		_, _, err = s.Apply(ctx, []byte("a command"))
	}
	if err == nil {
		err = s.ReadBarrier(ctx)
	}
	if err != nil { // errors.Is(err, leadership.ErrOutcomeUnknown): the command may be applied
		fmt.Println("serve:", err)
		return
	}
	fmt.Println("serve: local reads are linearizable; health is", runner.Status().Health())
}
