// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// server is what a Runner needs of raft.
type server interface {
	node
	Apply(cmd []byte, timeout time.Duration) raft.ApplyFuture
	Barrier(timeout time.Duration) raft.Future
	VerifyLeader() raft.Future
	AppliedIndex() uint64
	CommitIndex() uint64
	Stats() map[string]string
	ReloadableConfig() raft.ReloadableConfig
	LeadershipTransferToServer(id raft.ServerID, address raft.ServerAddress) raft.Future
	Restore(meta *raft.SnapshotMeta, reader io.Reader, timeout time.Duration) error
}

// Runner does the work of a Role whenever its server leads. Make it with New
// right after raft.NewRaft, and call Run. Its other methods may be called from
// any goroutine, callbacks included, before, during and after Run.
type Runner struct {
	raft     server
	notifier *Notifier
	role     Role
	conf     Config
	log      hclog.Logger

	// One Calls for each purpose. Those that the Runner itself makes have one future
	// outstanding at most, unless they are cancelled by reflection.
	barriers, writes, reads, verifies, probes, writeProbes, transfers Calls

	started  atomic.Bool
	stopped  atomic.Bool // Run is about to return, or has
	serving  atomic.Pointer[Session]
	status   atomic.Pointer[Status] // as of the last step
	news     signal                 // something of the three above has changed
	mail     mailbox
	found    findings
	story    story
	restores atomic.Int32  // under way
	restored atomic.Uint64 // what was applied when raft began the last of them

	mu      sync.Mutex
	current *Session              // of the present attempt
	replies map[uint64]chan error // to requests for a transfer
	tickets uint64
	refused map[raft.ServerID]uint64 // the epoch in which a transfer to it failed
	stuck   *StuckError              // what does not return now
	workers []string                 // the goroutines of what runs now, as runtime.Stack names them
	done    chan struct{}            // closed when what runs now returns
}

// New returns a Runner for r. n is the Notifier whose NotifyCh r was made with;
// New attaches it if nobody has. It fails if role or conf is not usable, if n
// belongs to another raft, or if n has a Runner already. Nothing runs before Run.
func New(r *raft.Raft, n *Notifier, role Role, conf Config) (*Runner, error) {
	switch {
	case r == nil || n == nil:
		return nil, errors.New("leadership: New needs what raft.NewRaft returned, and the Notifier in its Config")
	case role.Establish == nil:
		return nil, errors.New("leadership: New: Role.Establish is required")
	}
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	if err := n.Attach(r); err != nil && (!errors.Is(err, ErrAttached) || n.attached.Load() != r) {
		return nil, err
	}
	if !n.runner.CompareAndSwap(false, true) {
		return nil, errors.New("leadership: New: this Notifier has a Runner already; do all that a leader does in one Role")
	}
	return newRunner(transferrer{r}, n, role, conf), nil
}

// transferrer makes *raft.Raft a server: only the type of one result differs.
type transferrer struct{ *raft.Raft }

// LeadershipTransferToServer implements server.
func (t transferrer) LeadershipTransferToServer(id raft.ServerID, address raft.ServerAddress) raft.Future {
	return t.Raft.LeadershipTransferToServer(id, address)
}

func newRunner(r server, n *Notifier, role Role, conf Config) *Runner {
	conf = conf.withDefaults()
	if role.Reconcile == nil {
		conf.ReconcileEvery = 0
	}
	runner := &Runner{
		raft: r, notifier: n, role: role, conf: conf, log: conf.Logger,
		replies: map[uint64]chan error{},
		refused: map[raft.ServerID]uint64{},
	}
	for _, c := range runner.calls() {
		c.Raft, c.CancelByReflection = r, conf.CancelByReflection
	}
	runner.mail.wake = make(chan struct{}, 1)
	runner.story.limit, runner.story.wake = conf.TimelineSize, make(chan struct{}, 1)
	runner.status.Store(&Status{})
	return runner
}

// Run does the work of the Role until ctx ends or raft shuts down. When it
// returns, everything it started has stopped, is named in the error, or waits for
// raft and is counted in Status.Outstanding:
//
//   - nil: ctx has ended, and everything is undone. Now shut raft down: in this
//     order, because what raft is asked while it shuts down it may never answer.
//   - ErrClosed: raft has shut down, and everything is undone.
//   - a *StuckError: a callback or goroutine still runs Config.Grace after its
//     context has ended, which for Revoke is Config.RevokeTimeout after it began.
//     When what is stuck returns at last, Role.Revoke is called if it is owed, by
//     the one goroutine that is left.
//
// A second call returns an error.
func (r *Runner) Run(ctx context.Context) error {
	if ctx == nil {
		return errors.New("leadership: Run: the context is nil")
	}
	if !r.started.CompareAndSwap(false, true) {
		return errors.New("leadership: Run: has been called before; make a new Notifier and Runner with each raft")
	}
	l := newLoop(ctx, r)
	go l.run()
	select {
	case <-l.ended:
	case <-l.released:
	}
	return l.result
}

// Ready waits for a session that serves, and returns it; at once if there is one.
// It returns ErrClosed when raft has shut down, ErrStopped when Run has returned,
// and the cause of ctx when that ends first. A callback that calls Ready must pass
// its own context: no session serves before it has returned. Do not call Ready
// again at once because a method of the session failed: it may return the same one.
func (r *Runner) Ready(ctx context.Context) (*Session, error) {
	if ctx == nil {
		return nil, errors.New("leadership: Ready: the context is nil")
	}
	for {
		changed := r.news.wait()
		lead := r.notifier.State()
		switch s := r.Session(); {
		case s != nil:
			return s, nil
		case lead.Closed:
			return nil, ErrClosed
		case r.stopped.Load():
			return nil, ErrStopped
		}
		var moved <-chan struct{} // nobody but raft tells of its end before Run
		if !r.started.Load() {
			if moved = r.notifier.changedFrom(lead.mark()); moved == nil {
				continue
			}
		}
		select {
		case <-changed:
		case <-moved:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Session returns the session that serves now, or nil.
func (r *Runner) Session() *Session {
	if s := r.serving.Load(); s != nil && s.ctx.Err() == nil {
		return s
	}
	return nil
}

// Reassert ends the present session with the cause ErrReasserted, before it
// returns. A new one follows in the same epoch: catch-up, Establish and all, after
// the Revoke of the old one. Use it when the state machine was replaced under the
// session. Without a session it does nothing. Ready waits for the new one.
func (r *Runner) Reassert() {
	r.mu.Lock()
	s := r.current
	r.mu.Unlock()
	if s != nil {
		s.end(ErrReasserted)
	}
}

// Transfer hands leadership to another voter, or to any if to is empty: the
// session ends with the cause ErrHandingOver, is revoked, and only then raft
// transfers. nil means that this server no longer leads that epoch. After an
// error it leads on, and a new attempt is made; but a request that raft has not
// taken within two election timeouts, because its main loop hangs, is carried out
// when that goes on. One transfer is made at a time.
//
// ctx bounds the wait and not the transfer: a request that was accepted is carried
// out. A callback that calls Transfer with its own context is sent back by
// the end of it. Errors: ErrTransferPending, ErrNoTarget, ErrSilentTarget,
// raft.ErrNotLeader, ErrStopped, ErrClosed, what raft says, and the cause of ctx.
func (r *Runner) Transfer(ctx context.Context, to raft.ServerID) error {
	if ctx == nil {
		return errors.New("leadership: Transfer: the context is nil")
	}
	if !r.started.Load() {
		return errors.New("leadership: Transfer: Run has not been called")
	}
	reply := make(chan error, 1)
	r.mu.Lock()
	r.tickets++
	ticket := r.tickets
	r.replies[ticket] = reply
	r.mu.Unlock()
	if !r.mail.post(event{kind: evTransfer, serial: ticket, to: to}) {
		r.reply(ticket, ErrStopped)
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("leadership: transfer: %w", context.Cause(ctx))
	}
}

// reply answers a request for a transfer, if nobody has.
func (r *Runner) reply(ticket uint64, err error) {
	r.mu.Lock()
	reply := r.replies[ticket]
	delete(r.replies, ticket)
	r.mu.Unlock()
	if reply != nil {
		reply <- err // has room
	}
}

// jitter need not be secure.
func jitter() float64 { return rand.Float64() } //nolint:gosec // see above

// calls lists all through which raft is asked.
func (r *Runner) calls() []*Calls {
	return []*Calls{&r.barriers, &r.writes, &r.reads, &r.verifies, &r.probes, &r.writeProbes, &r.transfers}
}
