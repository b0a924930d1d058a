// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command wiring is the whole of what a server does to use package leadership.
// It leads for a moment, alone, and shuts down.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

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
	if err := notifier.Attach(r); err != nil { // right after NewRaft
		log.Fatal(err)
	}

	go func() { // this example leads for a second
		if _, err := notifier.WaitLeader(context.Background()); err == nil {
			time.Sleep(time.Second)
			r.Shutdown()
		}
	}()
	if err := lead(context.Background(), notifier, r); !errors.Is(err, leadership.ErrClosed) {
		log.Fatal(err)
	}
}

// lead works while this server leads, until raft shuts down.
func lead(ctx context.Context, notifier *leadership.Notifier, r *raft.Raft) error {
	w := notifier.Watch()
	var serving uint64 // the epoch we serve in; 0: none
	for {
		u, err := w.Next(ctx)
		if serving != 0 && (err != nil || u.Epoch != serving || !u.Leader) {
			fmt.Println("revoke:", u.Cause)
			serving = 0
		}
		if err != nil {
			return err
		}
		if !u.Leader || serving != 0 {
			continue
		}
		switch err := establish(ctx, w, r); {
		case errors.Is(err, leadership.ErrStuck):
			return err // neither revoke nor establish beside it: better stop this server
		case err == nil:
			fmt.Println("establish: serving in epoch", u.Epoch)
			serving = u.Epoch
		}
	}
}

// establish tries until it works, or until leadership changes.
func establish(ctx context.Context, w *leadership.Watcher, r *raft.Raft) error {
	for {
		err := leadership.Establish(ctx, 2*time.Minute, func(context.Context) error {
			return r.Barrier(time.Minute).Error() // everything before us is applied
		})
		if err == nil || errors.Is(err, leadership.ErrStuck) {
			return err
		}
		fmt.Println("establish:", err)
		select {
		case <-time.After(time.Second): // we still lead: again
		case <-w.Changed():
			return err
		case <-ctx.Done():
			return err
		}
	}
}
