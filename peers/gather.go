// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// maxMembers is more than any raft cluster has, and keeps a broken source from having
// everybody asked.
const maxMembers = 1000

// gather looks at everything that a decision rests on. The caller has the turn. index is
// that of the configuration, or 0 if it is not to be changed.
//
// The order is what makes the compare-and-swap sound: the index is older than the list
// read here. If the list changes in between, it is the newer one that is planned for,
// and raft refuses the change.
func (r *Reconciler) gather(ctx context.Context, index uint64) (State, error) {
	now := time.Now()
	term := r.raft.CurrentTerm()
	r.memory.turn(term)
	s := State{
		Now: now, Local: r.self, Leading: r.contact.leading(now),
		Servers: r.servers(), ConfigIndex: index, LastIndex: r.raft.LastIndex(),
		Leaving:   r.leavers(),
		Removals:  slices.Clone(r.memory.removals),
		Recovered: index == 1 && (r.local.wasRecovered() || r.memory.recovered && !r.local.booted()),
	}
	view, err := r.view(ctx)
	if err != nil {
		return State{}, err
	}
	s.View = view
	s.Replies = r.ask(ctx, targets(s))
	if ctx.Err() != nil {
		return State{}, fmt.Errorf("peers: gave up looking: %w", context.Cause(ctx))
	}
	s.Now = time.Now()
	s.Contact = r.silences(s)
	s.Known = r.memory.learn(s.Replies, term)
	return s, nil
}

// view asks the source.
func (r *Reconciler) view(ctx context.Context) (View, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.SourceTimeout)
	defer cancel()
	view, err := errand(ctx, &r.errands, "the source", tame("the source", r.source.View))
	switch {
	case err != nil:
		return View{}, fmt.Errorf("peers: no view, so nothing is concluded: %w", err)
	case len(view.Members) == 0:
		return View{}, errors.New("peers: the source shows nobody, not even this server, so nothing is concluded; see what it is connected to")
	case len(view.Members) > maxMembers:
		return View{}, fmt.Errorf("peers: the source shows %d members, the limit is %d; does it show clients, too?", len(view.Members), maxMembers)
	}
	view.Members = slices.Clone(view.Members) // it may keep no reference; nor do we
	return view, nil
}

// targets are the servers to ask: those of the list, where discovery has them if it has,
// and those that are alive and not in it.
func targets(s State) []raft.Server {
	at := map[raft.ServerID]raft.ServerAddress{}
	var found []raft.Server
	for _, m := range s.View.Members {
		if m.ID == "" || m.ID == s.Local || m.Address == "" {
			continue
		}
		if _, twice := at[m.ID]; !twice && m.Health == Alive {
			found = append(found, raft.Server{ID: m.ID, Address: m.Address, Suffrage: raft.Nonvoter})
		}
		at[m.ID] = m.Address
	}
	servers := map[raft.ServerID]raft.Server{}
	for _, m := range found {
		servers[m.ID] = m
	}
	for _, m := range s.Servers {
		if address := at[m.ID]; address != "" {
			m.Address = address
		}
		servers[m.ID] = m
	}
	delete(servers, s.Local)
	ids := slices.Sorted(maps.Keys(servers))
	targets := make([]raft.Server, len(ids))
	for i, id := range ids {
		targets[i] = servers[id]
	}
	return targets
}

// ask asks all targets, some at a time, each within the time for a reply. Our own
// answer is among those it returns.
func (r *Reconciler) ask(ctx context.Context, targets []raft.Server) map[raft.ServerID]Reply {
	var mu sync.Mutex
	replies := map[raft.ServerID]Reply{r.self: r.local.Reply()}
	room := make(chan struct{}, r.conf.Probes)
	var all sync.WaitGroup
	for _, target := range targets {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			reply, err := r.probe(ctx, target)
			if err != nil {
				r.log.Debug("no reply", "server", target.ID, "address", target.Address, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			replies[target.ID] = reply
		})
	}
	all.Wait()
	return replies
}

func (r *Reconciler) probe(ctx context.Context, target raft.Server) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.ProbeTimeout)
	defer cancel()
	what := fmt.Sprintf("the prober, of %q", string(target.ID))
	return errand(ctx, &r.errands, what, tame(what, func(ctx context.Context) (Reply, error) {
		return r.prober.Probe(ctx, target)
	}))
}

// silences is what raft says of who does not answer it, and more: a server that does not
// answer the prober, either, is not counted on. In a black hole raft hears of no failure
// until a call's timeout is over, and until then it would seem to live. What only the
// prober says is kept below what counts as a witness against a voter: a prober that fails
// must not remove anybody.
func (r *Reconciler) silences(s State) map[raft.ServerID]time.Duration {
	silent := r.contact.silent(s.Now)
	for id := range s.Replies {
		r.memory.replied[id] = s.Now
	}
	for _, server := range s.Servers {
		_, raftSays := silent[server.ID]
		if _, replied := s.Replies[server.ID]; raftSays || replied {
			continue
		}
		since := s.Leading
		if last, ok := r.memory.replied[server.ID]; ok {
			since = s.Now.Sub(last)
		}
		silent[server.ID] = min(max(since, 1), r.conf.Policy.DeadAfter/2)
	}
	return silent
}

// turn forgets what was learnt in another leadership.
func (m *memory) turn(term uint64) {
	if m.known == nil || m.term != term {
		*m = memory{term: term, recovered: m.recovered, known: map[raft.ServerID]uint64{}, replied: map[raft.ServerID]time.Time{}}
	}
}

// learn notes how far the servers are, of entries that this leader made: those cannot
// be cut off again while it leads, so that a server which has fewer has lost its disk.
func (m *memory) learn(replies map[raft.ServerID]Reply, term uint64) map[raft.ServerID]uint64 {
	for id, reply := range replies {
		if reply.ID == id && reply.LastTerm == term && term > 0 {
			m.known[id] = max(m.known[id], reply.LastIndex)
		}
	}
	return maps.Clone(m.known)
}

// indexOf finds the index of a configuration in the log; 0: not there, or no log.
func (l *Local) indexOf(servers []raft.Server) uint64 {
	l.mu.Lock()
	logs := l.logs
	l.mu.Unlock()
	return findIndex(logs, servers)
}

// learn notes the index of a configuration that raft itself has told.
func (l *Local) learn(index uint64, servers []raft.Server) {
	l.update(func(r *Reply) { r.Servers, r.ConfigIndex = servers, index })
}

// bootsFromSnapshotAlone reports whether raft has just started from a snapshot and no
// entry, as it does after raft.RecoverCluster. That puts its list at index 1 and into
// no log, so that servers which were not recovered go on with theirs. If index 1 is
// still the newest, one entry tells everybody; in a cluster whose list was never
// changed that entry is needless, and harmless, and written once. Boot knows better.
func bootsFromSnapshotAlone(r raftServer) bool {
	stats := r.Stats()
	snapshot, err := strconv.ParseUint(stats["last_snapshot_index"], 10, 64)
	return err == nil && snapshot > 0 && snapshot == r.LastIndex()
}
