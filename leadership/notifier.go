// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// notifyBuffer is how many sends of raft fit before Attach: 512 leaderships.
// Attached, two would do, since raft sends at most twice between two state
// changes of its main loop.
const notifyBuffer = 1024

// Notifier turns the leadership changes of one raft into a state that any
// number of goroutines may read and wait for. It has no goroutine and holds
// nothing that must be closed. Make it with NewNotifier; its methods may be
// called from any goroutine.
type Notifier struct {
	ch       chan bool
	start    time.Time
	attached atomic.Pointer[raft.Raft]
	runner   atomic.Bool // a Runner has it

	// mu is held for some tens of nanoseconds, by raft's goroutines too, and
	// never across a wait.
	mu    sync.Mutex
	state State         // but for Since
	since time.Duration // after start: monotonic, and cheaper to take than time.Now

	// changed is closed at the next change. It is nil while nobody waits, so
	// that a change without waiting readers allocates nothing.
	changed chan struct{}

	begun         bool   // raft's state at the start has been taken in
	unannounced   bool   // it was that of a leader, whose observation may be on its way
	trues, falses uint64 // received from ch

	// The session of a Runner, and the peers that raft cannot reach.
	bound      context.CancelCauseFunc
	boundEpoch uint64
	silent     map[raft.ServerID]bool
	gained     time.Time // when we last won; zero: before Attach

	// For the cause of a loss.
	self         raft.ServerID // learnt when we first lead; "" before
	falsesAtGain uint64        // falses when we last won
	transferTerm uint64        // newest term in which a transfer's target asked for our vote
	supersededIn uint64        // term of the leader that superseded us last
	unsure       node          // the raft to ask whether the last loss was a removal; nil: settled
}

// NewNotifier returns a Notifier for one raft. Set raft.Config.NotifyCh to its
// NotifyCh, and call Attach when NewRaft has returned.
func NewNotifier() *Notifier {
	return &Notifier{ch: make(chan bool, notifyBuffer), start: time.Now()}
}

// NotifyCh returns the channel to set as raft.Config.NotifyCh. It belongs to
// raft: the program neither sends on it nor closes it.
func (n *Notifier) NotifyCh() chan<- bool { return n.ch }

// Attach connects the Notifier to the raft whose Config has its NotifyCh. Call
// it right after raft.NewRaft: until then State stays zero and the channel
// only stores. It registers an observer that is never deregistered, so that
// raft's channel is drained for as long as raft lives.
//
// Attach waits only for raft's observer lock, which nothing holds for long
// unless the program has registered a blocking observer that nobody reads.
// A second call returns ErrAttached.
func (n *Notifier) Attach(r *raft.Raft) error {
	switch {
	case r == nil:
		return errors.New("leadership: Attach: raft is nil; call it with what raft.NewRaft returned")
	case n.ch == nil:
		return errors.New("leadership: Attach: the Notifier was not made by NewNotifier")
	}
	if !n.attached.CompareAndSwap(nil, r) {
		return ErrAttached
	}
	// A nil channel makes the filter a synchronous callback (raft observer.go,
	// observe): lossless, and inside raft's own state change.
	r.RegisterObserver(raft.NewObserver(nil, false, n.observe))
	_, id := r.LeaderWithID()
	n.seed(r, id)
	return nil
}

// State returns the present state. It never waits for raft.
func (n *Notifier) State() State { return n.current() }

func (n *Notifier) stamped() State {
	s := n.state
	if s.Epoch != 0 {
		s.Since = n.start.Add(n.since)
	}
	return s
}

// WaitLeader waits until this server leads and returns that state; at once if
// it leads already. It returns ErrClosed when raft has shut down, or the cause
// of ctx when that ends first.
func (n *Notifier) WaitLeader(ctx context.Context) (State, error) {
	w := n.Watch()
	for {
		u, err := w.Next(ctx)
		if err != nil || u.Leader {
			return u.State, err
		}
	}
}

// Watch returns a new watcher, which counts changes from now on. Its first
// Next returns the state of then at once. Watchers are independent of each
// other and need not be closed.
func (n *Notifier) Watch() *Watcher { return &Watcher{n: n, prev: n.State()} }

// changedFrom returns a channel that is closed when the state is no longer
// prev; nil if that is so already.
func (n *Notifier) changedFrom(prev mark) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if prev != n.state.mark() {
		return nil
	}
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	return n.changed
}
