// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/leadership"
)

// What a server does because it leads, and undoes when it no longer does.
func ExampleRunner() {
	notifier := leadership.NewNotifier()
	r, err := startRaft(notifier.NotifyCh()) // conf.NotifyCh = notifier.NotifyCh()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	runner, err := leadership.New(r, notifier, leadership.Role{
		Establish: func(_ context.Context, s *leadership.Session) error {
			fmt.Println("establish, epoch", s.Epoch())
			s.Go("slow work", func(ctx context.Context) error {
				stop() // a short leadership, for the example
				<-ctx.Done()
				fmt.Println("slow work: done")
				return nil
			})
			return nil
		},
		Revoke: func(_ context.Context, _ *leadership.Session, cause error) error {
			fmt.Println("revoke, because", cause)
			return nil
		},
	}, leadership.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(runner.Run(ctx), r.Shutdown().Error())
	// Output:
	// establish, epoch 1
	// slow work: done
	// revoke, because leadership: the Runner has been stopped: context canceled
	// <nil> <nil>
}

// A request handler writes and reads in the name of a session, and what it stores
// elsewhere carries the session's token.
func ExampleSession() {
	runner, stop, err := startRunner()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx := context.Background() // of the request
	s, err := runner.Ready(ctx)
	if err != nil {
		fmt.Println("not here:", err)
		return
	}
	_, _, err = s.Apply(ctx, []byte("a command"))
	switch {
	case err == nil:
		fmt.Println("written")
	case errors.Is(err, leadership.ErrOutcomeUnknown):
		fmt.Println("perhaps written:", err)
	default:
		fmt.Println("not written:", err)
	}
	if err := s.ReadBarrier(ctx); err == nil {
		fmt.Println("a local read is linearizable")
	}

	former := s.Token()
	runner.Reassert() // another session follows, as after a loss
	if s, err = runner.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}
	newest := s.Token() // what the storage has seen
	fmt.Println("refuse the former session:", former.Compare(newest) < 0)
	// Output:
	// written
	// a local read is linearizable
	// refuse the former session: true
}

// A fencing token in storage that orders keys by bytes, and in a log for people.
func ExampleToken() {
	older, newer := leadership.Token{Term: 9, Index: 4711}, leadership.Token{Term: 10, Index: 4712}
	a, _ := older.MarshalBinary() // it never fails
	b, _ := newer.MarshalBinary()
	fmt.Println(older, "before", newer, bytes.Compare(a, b) < 0)
	// Output:
	// 9/4711 before 10/4712 true
}

// raft's calls end with a context, also when raft never answers.
func ExampleCalls() {
	notifier := leadership.NewNotifier()
	r, err := startRaft(notifier.NotifyCh())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := notifier.Attach(r); err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := notifier.WaitLeader(ctx); err != nil {
		fmt.Println(err)
		return
	}

	calls := leadership.Calls{Raft: r}
	token, err := calls.Barrier(ctx)
	fmt.Println("proven:", !token.IsZero(), err)
	_, index, err := calls.Apply(ctx, []byte("a command"))
	fmt.Println("applied after the barrier:", index > token.Index, err)
	fmt.Println("shut down:", calls.Await(ctx, r.Shutdown())) // any future of raft's
	fmt.Println("unanswered:", calls.Outstanding())
	// Output:
	// proven: true <nil>
	// applied after the barrier: true <nil>
	// shut down: <nil>
	// unanswered: 0
}

// Whether to go on after an error of raft.
func ExampleClassify() {
	for _, err := range []error{
		nil,
		raft.ErrLeadershipTransferInProgress,
		fmt.Errorf("write: %w", raft.ErrLeadershipLost),
		raft.ErrRaftShutdown,
		context.DeadlineExceeded,
	} {
		fmt.Println(leadership.Classify(err))
	}
	// Output:
	// ok
	// retry
	// lost
	// terminal
	// other
}

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

// startRunner runs the leader of a group of one, which does nothing. stop ends both.
func startRunner() (runner *leadership.Runner, stop func(), err error) {
	notifier := leadership.NewNotifier()
	r, err := startRaft(notifier.NotifyCh())
	if err != nil {
		return nil, nil, err
	}
	establish := func(context.Context, *leadership.Session) error { return nil }
	runner, err = leadership.New(r, notifier, leadership.Role{Establish: establish}, leadership.Config{})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	return runner, func() {
		cancel()
		if err := errors.Join(<-done, r.Shutdown().Error()); err != nil {
			fmt.Println(err)
		}
	}, nil
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
