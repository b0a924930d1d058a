// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// raftServer is what a Reconciler needs of raft.
type raftServer interface {
	State() raft.RaftState
	CurrentTerm() uint64
	LastIndex() uint64
	CommitIndex() uint64
	LeaderWithID() (raft.ServerAddress, raft.ServerID)
	Stats() map[string]string
	VerifyLeader() raft.Future
	GetConfiguration() raft.ConfigurationFuture
	AddVoter(id raft.ServerID, address raft.ServerAddress, prevIndex uint64, timeout time.Duration) raft.IndexFuture
	AddNonvoter(id raft.ServerID, address raft.ServerAddress, prevIndex uint64, timeout time.Duration) raft.IndexFuture
	DemoteVoter(id raft.ServerID, prevIndex uint64, timeout time.Duration) raft.IndexFuture
	RemoveServer(id raft.ServerID, prevIndex uint64, timeout time.Duration) raft.IndexFuture
	LeadershipTransferToServer(id raft.ServerID, address raft.ServerAddress) raft.Future
	RegisterObserver(*raft.Observer)
	DeregisterObserver(*raft.Observer)
}

// Reconciler keeps the list of servers as its Policy wants it, while its server leads.
// Make one with New for each server, right after raft.NewRaft, and call Run. Its other
// methods may be called from any goroutine.
type Reconciler struct {
	raft   raftServer
	self   raft.ServerID
	local  *Local
	source Source
	prober Prober
	conf   Config
	log    hclog.Logger

	plan  func(State) Plan
	check func(State, Change) error
	judge func(State, raft.ServerID) LeaveVerdict

	contact *contact
	wakes   chan struct{} // capacity 1
	errands errands
	journal *journal
	mark    atomic.Pointer[mark]
	status  status

	// turn has one slot: who looks holds it. It is no mutex, because a look waits.
	turn   chan struct{}
	memory memory // of whoever has the turn

	started atomic.Bool
	running atomic.Bool

	mu      sync.Mutex
	leaving map[raft.ServerID]int // who asked to be removed, by how many calls of Leave
}

// memory is what a leader has learnt in one leadership.
type memory struct {
	term      uint64
	known     map[raft.ServerID]uint64    // the greatest LastIndex that each has reported
	replied   map[raft.ServerID]time.Time // when each was last heard by the prober
	removals  []time.Time
	handed    bool // raft has been asked to hand over, in this leadership
	recovered bool // the list is that of a recovery, as far as we know; of this process
}

// New returns a Reconciler for r, which it keeps among its peers by what source and prober
// say. local answers for this server and must be of the same id. New attaches it to r.
// Nothing runs before Run.
func New(r *raft.Raft, local *Local, source Source, prober Prober, conf Config) (*Reconciler, error) {
	switch {
	case r == nil:
		return nil, errors.New("peers: New: the raft is nil; pass what raft.NewRaft returned")
	case local == nil:
		return nil, errors.New("peers: New: local is nil; pass what NewLocal returned, the one that answers the probes of the others")
	case source == nil:
		return nil, errors.New("peers: New: the source is nil; nothing can be compared without a view of the servers there are")
	case prober == nil:
		return nil, errors.New("peers: New: the prober is nil; nobody gets a vote without having been asked who it is")
	}
	me := local.Reply()
	switch {
	case me.ID == "":
		return nil, errors.New("peers: New: local has no id; pass the LocalID of raft.Config to NewLocal")
	case conf.Policy.ClusterID != "" && me.ClusterID != "" && me.ClusterID != conf.Policy.ClusterID:
		return nil, fmt.Errorf("peers: New: Policy.ClusterID is %q, and local says %q: one of them is of another cluster", conf.Policy.ClusterID, me.ClusterID)
	}
	local.attach(r)
	return newReconciler(r, me.ID, local, source, prober, conf)
}

func newReconciler(r raftServer, self raft.ServerID, local *Local, source Source, prober Prober, conf Config) (*Reconciler, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	conf = conf.withDefaults()
	j, err := openJournal(conf.Journal)
	if err != nil {
		return nil, err
	}
	rec := &Reconciler{
		raft: r, self: self, local: local, source: source, prober: prober, conf: conf, log: conf.Logger,
		plan: conf.Policy.Plan, check: conf.Policy.Check, judge: conf.Policy.Leave,
		wakes: make(chan struct{}, 1), turn: make(chan struct{}, 1), journal: j,
		leaving: map[raft.ServerID]int{},
	}
	rec.contact = newContact(rec.wake)
	rec.memory.recovered = bootsFromSnapshotAlone(r)
	return rec, nil
}

// Run keeps the list until ctx ends or raft shuts down. While another server leads it is
// idle. Nothing outlives it but what raft or a callback never gives back: it waits
// Config.Grace for that and then names it in the error.
//
//   - nil: ctx has ended.
//   - raft.ErrRaftShutdown: raft has shut down.
//
// A second call returns an error. The end of Run is no leave.
func (r *Reconciler) Run(ctx context.Context) error {
	if ctx == nil {
		return errors.New("peers: Run: the context is nil")
	}
	if !r.started.CompareAndSwap(false, true) {
		return errors.New("peers: Run: has been called before; make a new Reconciler with each raft")
	}
	r.running.Store(true)
	defer r.running.Store(false)
	observer := raft.NewObserver(nil, false, r.contact.observe)
	r.raft.RegisterObserver(observer)
	defer r.raft.DeregisterObserver(observer)
	r.contact.seed(r.raft.State())
	err := r.loop(ctx)
	return errors.Join(err, r.recall())
}

func (r *Reconciler) loop(ctx context.Context) error {
	var changes <-chan struct{}
	if c, ok := r.source.(changer); ok {
		changes = c.Changes()
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(r.pass(ctx))
		select {
		case <-ctx.Done():
		case <-r.contact.closed:
			timer.Stop()
			return fmt.Errorf("peers: %w", raft.ErrRaftShutdown)
		case <-r.wakes:
		case <-timer.C:
		case _, open := <-changes:
			if !open {
				changes = nil // it would be ready for ever
			}
			rest(ctx, glance) // hints come in crowds
		}
		timer.Stop()
	}
	return nil
}

// rest waits for a time, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// recall waits for what is still out.
func (r *Reconciler) recall() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.conf.Grace)
	defer cancel()
	if left := r.errands.rest(ctx); len(left) > 0 {
		return fmt.Errorf("peers: Run has ended, and these calls have not come back: %q", left)
	}
	return nil
}

const (
	pause     = time.Second // after a look that failed, or a change with an unknown end
	maxPasses = 16          // changes in a row, so that no error of a plan can spin
)

// pass looks and changes until there is nothing left to do, and returns for how long.
func (r *Reconciler) pass(ctx context.Context) time.Duration {
	if r.raft.State() != raft.Leader {
		r.idle()
		return r.conf.Every
	}
	for range maxPasses {
		plan, done, err := r.step(ctx)
		r.status.looked(plan, err)
		switch {
		case ctx.Err() != nil:
			return 0
		case err != nil:
			r.log.Warn("could not reconcile", "error", err)
			return min(pause, r.conf.Every)
		case plan.Next == nil || r.conf.DryRun:
			return within(r.conf.Every, plan.Recheck)
		case !done:
			return min(pause, r.conf.Every)
		}
	}
	return min(pause, r.conf.Every)
}

// within is the shorter of two times of which the second may be unset. It is no time at
// all only if the first is: a plan that is never content must not spin.
func within(every, recheck time.Duration) time.Duration {
	if recheck > 0 {
		return min(every, max(recheck, glance))
	}
	return every
}

// Once looks once and makes at most one change, the Next of the plan it returns, and
// with Config.DryRun none. It fails with raft.ErrNotLeader in its chain if this server
// does not lead, and with what the change came to if that is not known or was refused.
// Without Run it knows of no lost contact, and so removes no voter by itself.
func (r *Reconciler) Once(ctx context.Context) (Plan, error) {
	if ctx == nil {
		return Plan{}, errors.New("peers: Once: the context is nil")
	}
	if r.raft.State() != raft.Leader {
		return Plan{}, r.notLeader()
	}
	plan, _, err := r.step(ctx)
	r.status.looked(plan, err)
	return plan, err
}

// notLeader says who to ask instead.
func (r *Reconciler) notLeader() error {
	_, leader := r.raft.LeaderWithID()
	if leader == "" {
		return fmt.Errorf("peers: no server leads, so no list can be changed; start the servers that are down, or plan a recovery: %w", raft.ErrNotLeader)
	}
	return fmt.Errorf("peers: this server does not lead; ask %q: %w", string(leader), raft.ErrNotLeader)
}

// wake has Run look soon. It never blocks.
func (r *Reconciler) wake() {
	select {
	case r.wakes <- struct{}{}:
	default:
	}
}

// servers is the newest configuration, committed or not. It does not enter raft's main
// loop (api.go, GetConfiguration).
func (r *Reconciler) servers() []raft.Server {
	return slices.Clone(r.raft.GetConfiguration().Configuration().Servers)
}
