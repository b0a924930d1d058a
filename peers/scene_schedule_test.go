// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// random plays one schedule: what operators, networks and machines do to a cluster.
type random struct {
	*scene
	rnd   *rand.Rand
	moves int
	ops   []string               // what was done, for the one who has to find out why
	busy  map[raft.ServerID]bool // leaving
	left  chan raft.ServerID
}

// outcome is what a schedule came to.
type outcome struct {
	ops       int
	converged time.Duration
	changes   int
}

const steps = 10

// playSchedule runs a random schedule with a reconciler on every server, heals, and
// checks that all is well.
func playSchedule(t *testing.T, seed uint64) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		target := []int{0, 3, 5}[rnd.IntN(3)]
		s := newScene(t, testcluster.Config{
			Servers: 5, Voters: 3 + rnd.IntN(2), Seed: seed,
			Link: testcluster.Link{MinDelay: time.Millisecond, MaxDelay: 3 * time.Millisecond},
		}, Config{Policy: quick(target), Every: 2 * time.Second, RaftTimeout: 3 * time.Second, ProbeTimeout: time.Second})
		r := &random{scene: s, rnd: rnd, busy: map[raft.ServerID]bool{}, left: make(chan raft.ServerID, 64)}
		s.leader()
		for range steps {
			time.Sleep(time.Duration(100+rnd.IntN(3000)) * time.Millisecond)
			r.write()
			r.op()
			r.departures()
		}
		r.heal()
		took, err := s.settle(time.Minute, func(a *actor, servers []raft.Server) bool {
			r.departures()
			return r.wanted(target, servers)
		})
		require.NoError(t, err, "seed %d: %q", seed, r.ops)
		require.NoError(t, s.c.Converged(t.Context()), "seed %d: %q", seed, r.ops)
		require.Empty(t, s.lost, "seed %d: %q", seed, r.ops)
		o = outcome{ops: len(r.ops), converged: took, changes: len(s.made())}
	})
	return o
}

// servers that run, those that are down, those that nobody knows.
func (r *random) pick(want func(*testcluster.Server) bool) *testcluster.Server {
	var found []*testcluster.Server
	for _, server := range r.c.Servers() {
		if !r.busy[server.ID()] && want(server) {
			found = append(found, server)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[r.rnd.IntN(len(found))]
}

func up(s *testcluster.Server) bool { return s.Raft() != nil }

func (r *random) known(s *testcluster.Server) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.members[s.ID()]
	return ok
}

func (r *random) note(format string, args ...any) {
	r.ops = append(r.ops, fmt.Sprintf(format, args...))
}

// op does one thing. Some need a state that is not there; then nothing is done.
func (r *random) op() {
	switch r.rnd.IntN(10) {
	case 0, 1: // crash or restart
		if server := r.pick(func(s *testcluster.Server) bool { return !up(s) }); server != nil && r.rnd.IntN(2) == 0 {
			r.note("restart %s", server.ID())
			r.restart(server.ID())
		} else if server := r.pick(up); server != nil {
			r.note("crash %s", server.ID())
			r.crash(server.ID())
		}
	case 2: // a newcomer
		if server := r.pick(func(s *testcluster.Server) bool { return up(s) && !r.known(s) }); server != nil {
			r.note("join %s", server.ID())
			r.announce(server.ID())
		}
	case 3, 4: // cut off, or back
		if server := r.pick(r.known); server != nil {
			r.mu.Lock()
			on := !r.cut[server.ID()]
			r.mu.Unlock()
			r.note("cut %s %v", server.ID(), on)
			r.isolate(server.ID(), on)
		}
	case 5: // another address, live or with a reboot
		if server := r.pick(r.known); server != nil && !racing {
			r.moves++
			to := raft.ServerAddress(fmt.Sprintf("10.0.%d.1:8300", r.moves))
			live := r.rnd.IntN(2) == 0 || !up(server)
			r.note("move %s live=%v", server.ID(), live)
			if !live {
				r.crash(server.ID())
			}
			r.move(server.ID(), to)
			if !live {
				r.restart(server.ID())
			}
		}
	case 6: // discovery forgets somebody
		var ids []raft.ServerID
		for _, server := range r.c.Servers() {
			if r.rnd.IntN(2) == 0 {
				ids = append(ids, server.ID())
			}
		}
		r.note("hide %v", ids)
		r.hide(ids...)
	case 7, 8:
		r.byHand(r.rnd.IntN(3))
	case 9:
		r.leave()
	}
}

// byHand is an operator with raft's own calls, who does nothing that costs a quorum.
func (r *random) byHand(what int) {
	leader := r.pick(func(s *testcluster.Server) bool { return up(s) && s.Raft().State() == raft.Leader })
	if leader == nil {
		return
	}
	servers := leader.Raft().GetConfiguration().Configuration().Servers
	r.mu.Lock()
	now := r.truth(leader.ID(), servers)
	r.mu.Unlock()
	if now.Slack() < 1 {
		return
	}
	r.touch()
	if what == 0 && r.conf.Policy.TargetVoters > 0 { // else nobody would remove it
		r.note("ghost")
		leader.Raft().AddNonvoter("ghost", "ghost:8300", 0, time.Second)
		return
	}
	victim := servers[r.rnd.IntN(len(servers))]
	switch {
	case victim.ID == leader.ID() || now.Voters < 4 && victim.Suffrage == raft.Voter:
	case what == 1:
		r.note("demote %s", victim.ID)
		leader.Raft().DemoteVoter(victim.ID, 0, time.Second)
	case what == 2:
		r.note("remove %s", victim.ID)
		leader.Raft().RemoveServer(victim.ID, 0, time.Second)
	}
}

// leave has a server ask to be removed, and go when it is.
func (r *random) leave() {
	server := r.pick(func(s *testcluster.Server) bool { return up(s) && r.known(s) })
	if server == nil {
		return
	}
	id, a := server.ID(), r.actor(server.ID())
	r.note("leave %s", id)
	r.busy[id] = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		verdict, err := a.Leave(ctx, id)
		if err == nil && verdict.Action == MayLeave {
			r.left <- id
		} else {
			r.left <- "-" + id
		}
	}()
}

// departures stops those that were let go. They come back, unannounced and with their
// disks: a blank server at the address of one that left would vote for whoever was cut
// off since, and still has it in its list.
func (r *random) departures() {
	for {
		select {
		case id := <-r.left:
			if id[0] == '-' {
				delete(r.busy, id[1:])
				continue
			}
			r.note("gone %s", id)
			r.mu.Lock()
			delete(r.members, id)
			r.mu.Unlock()
			r.crash(id)
			r.restart(id)
			delete(r.busy, id)
		default:
			return
		}
	}
}

func (r *random) write() {
	ctx, cancel := context.WithTimeout(r.t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _ = r.c.Apply(ctx, []byte("write")) // a failed write is part of the chaos
}

func (r *random) heal() {
	r.hide()
	for _, server := range r.c.Servers() {
		r.isolate(server.ID(), false)
		if !up(server) {
			r.restart(server.ID())
		}
	}
	for len(r.busy) > 0 {
		time.Sleep(500 * time.Millisecond)
		r.departures()
	}
}

// wanted reports whether a list is as discovery and policy want it.
func (r *random) wanted(target int, servers []raft.Server) bool {
	r.mu.Lock()
	members := len(r.members)
	missing := 0
	for id := range r.members {
		if !slices.ContainsFunc(servers, func(m raft.Server) bool { return m.ID == id }) {
			missing++
		}
	}
	r.mu.Unlock()
	voters := 0
	for _, m := range servers {
		if m.Suffrage == raft.Voter {
			voters++
		}
		if r.c.Server(m.ID) == nil && target > 0 {
			return false // a ghost
		}
	}
	if target == 0 {
		target = members
	}
	return missing == 0 && voters >= min(target, members) && r.inPlace(servers)
}

func TestReconcilerSchedules(t *testing.T) {
	for seed := range uint64(20) {
		playSchedule(t, seed)
	}
}
