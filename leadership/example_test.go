// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/leadership"
)

// A server that does its work as leader once per leadership, and undoes it.
func ExampleNotifier() {
	notifier := leadership.NewNotifier()
	r, err := startRaft(notifier.NotifyCh()) // conf.NotifyCh = notifier.NotifyCh()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := notifier.Attach(r); err != nil {
		fmt.Println(err)
		return
	}

	w := notifier.Watch()
	var serving uint64 // the epoch we serve in; 0: none
	for {
		u, err := w.Next(context.Background())
		if serving != 0 && (err != nil || u.Epoch != serving || !u.Leader) {
			fmt.Println("revoke, because", u.Cause)
			serving = 0
		}
		if errors.Is(err, leadership.ErrClosed) {
			fmt.Println("done")
			return
		}
		if u.Leader && serving == 0 {
			serving = u.Epoch
			fmt.Println("establish, epoch", serving)
			r.Shutdown() // a short leadership, for the example
		}
	}
	// Output:
	// establish, epoch 1
	// revoke, because leadership: raft was shut down
	// done
}

// Whoever has only the channel keeps it from ever holding up raft.
func ExampleDropButLast() {
	notify := make(chan bool) // raft.Config.NotifyCh
	newest := leadership.DropButLast(context.Background(), notify)
	for _, leads := range []bool{true, false, true, false} {
		notify <- leads // raft's send, while nobody reads
	}
	fmt.Println(<-newest)
	close(notify) // after r.Shutdown().Error() has returned
	_, open := <-newest
	fmt.Println(open)
	// Output:
	// false
	// false
}

// A leader loop of one's own, with a bound on the step that used to hang it.
func ExampleEstablish() {
	restoreState := func(ctx context.Context) error {
		<-ctx.Done() // the store does not answer
		return context.Cause(ctx)
	}
	err := leadership.Establish(context.Background(), 10*time.Millisecond, restoreState)
	var stuck *leadership.StuckError
	switch {
	case err == nil:
		fmt.Println("serving")
	case errors.As(err, &stuck):
		fmt.Println("neither revoke nor establish before stuck.Done")
	default:
		fmt.Println("revoke:", err)
	}
	// Output:
	// revoke: leadership: establish cancelled: leadership: establish did not finish in time
}

// startRaft starts a group of one server, in memory.
func startRaft(notify chan<- bool) (*raft.Raft, error) {
	conf := raft.DefaultConfig()
	conf.LocalID = "n1"
	conf.NotifyCh = notify
	conf.Logger = hclog.NewNullLogger()
	conf.HeartbeatTimeout, conf.ElectionTimeout = 20*time.Millisecond, 20*time.Millisecond
	conf.LeaderLeaseTimeout = 20 * time.Millisecond
	addr, trans := raft.NewInmemTransport("")
	store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	group := raft.Configuration{Servers: []raft.Server{{ID: conf.LocalID, Address: addr}}}
	if err := raft.BootstrapCluster(conf, store, store, snaps, trans, group); err != nil {
		return nil, err
	}
	return raft.NewRaft(conf, noFSM{}, store, store, snaps, trans)
}

type noFSM struct{}

func (noFSM) Apply(*raft.Log) any                 { return nil }
func (noFSM) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.New("nothing to keep") }
func (noFSM) Restore(r io.ReadCloser) error       { return r.Close() }
