// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// CodeNoLeader is the code of a Finding: nobody leads, as far as this server knows, so
// that no list can be changed.
const CodeNoLeader Code = "no-leader"

// Status is what a Reconciler is doing at one instant.
type Status struct {
	Running bool          // Run has been called and has not returned
	Leading bool          // this server's belief
	Leader  raft.ServerID // who leads, as far as it knows; "": nobody

	Servers []raft.Server // the newest list it has, committed or not
	Looked  time.Time     // when it last looked, as leader; zero: never
	Plan    Plan          // of the last look; zero if that failed
	Err     error         // why it failed, or its change did
	Last    *Record       // of the last change, nil: none

	Leaving  []raft.ServerID // for whom Leave is waiting here
	Findings []Finding       // those of the plan, and what shows without one

	// Outstanding names the calls of the source, the prober and raft that have not come
	// back. One that stays here hangs, and was given up long ago.
	Outstanding []string
}

// status is the part of a Status that is kept.
type status struct {
	mu   sync.Mutex
	at   time.Time
	plan Plan
	err  error
	last *Record
}

func (s *status) looked(plan Plan, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.plan, s.err = time.Now(), plan, err
}

func (s *status) record(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &r
}

// Status never enters raft's main loop: it answers while raft is wedged.
func (r *Reconciler) Status() Status {
	r.status.mu.Lock()
	s := Status{Looked: r.status.at, Plan: r.status.plan, Err: r.status.err, Last: r.status.last}
	r.status.mu.Unlock()
	s.Running, s.Leading = r.running.Load(), r.raft.State() == raft.Leader
	_, s.Leader = r.raft.LeaderWithID()
	s.Servers, s.Leaving, s.Outstanding = r.servers(), r.leavers(), r.errands.names()
	s.Findings = slices.Clone(s.Plan.Findings)
	if s.Leader == "" {
		s.Findings = append(s.Findings, Finding{
			Code: CodeNoLeader, Severity: Critical, Detail: "no server is known to lead, so no list can be changed",
			Advice: "start the servers of the list that are down; if too many are gone for good, plan a recovery",
		})
	}
	return s
}

// idle keeps the journal of a server that does not lead. Its list is committed when it
// knows the entry's index, and has committed that.
func (r *Reconciler) idle() {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	default:
		return // somebody looks, and keeps what is seen
	}
	reply := r.local.Reply()
	if reply.ConfigIndex > 0 && r.raft.CommitIndex() >= reply.ConfigIndex {
		r.keep(reply.ConfigIndex, reply.Servers)
	}
}

func (r *Reconciler) keep(index uint64, servers []raft.Server) {
	if err := r.journal.keep(Listed{Index: index, Time: time.Now(), Servers: servers}); err != nil {
		r.log.Error("the journal of lists could not be written", "error", err)
	}
}

// leavers are those that Leave is waiting for, in order.
func (r *Reconciler) leavers() []raft.ServerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.leaving))
}
