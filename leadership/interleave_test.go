// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// model is raft as far as the hook can see it: three goroutines whose steps
// may come in any order. Each step is one load, store, call or send of raft's
// code, so that whatever can come between two of them does.
type model struct {
	*fakeRaft
	leader     raft.ServerID
	registered bool
	beat       uint64 // term of the other leader's heartbeat

	wins      uint64 // stores of Leader
	hidden    uint64 // wins observed before Attach, and never sent
	serving   bool   // main loop: in runLeader
	old       raft.RaftState
	oldOfBeat raft.RaftState
	deposes   bool
}

func newModel(beat uint64) *model {
	n := NewNotifier()
	n.ch = make(chan bool, 4)
	m := &model{fakeRaft: &fakeRaft{n: n, notify: n.ch}, beat: beat}
	m.term.Store(1)
	return m
}

func (m *model) see(old, now raft.RaftState) {
	if old != now && m.registered {
		m.n.transition(now, m)
	}
}

func (m *model) name(id raft.ServerID) {
	if m.leader != id && m.registered {
		m.n.leaderNamed(id, m)
	}
	m.leader = id
}

// mainLoop is setState(Candidate), electSelf, setState(Leader), setLeader, and
// run's second look at the state before runLeader (raft.go).
func (m *model) mainLoop() []func() {
	return []func(){
		func() { m.old = m.State(); m.leader = "" },
		func() { m.store(raft.Candidate) },
		func() { m.see(m.old, raft.Candidate) },
		func() { m.term.Store(2) },
		func() { m.old = m.State(); m.leader = "" },
		func() { m.store(raft.Leader); m.wins++ },
		func() {
			m.see(m.old, raft.Leader)
			if !m.registered {
				m.hidden++
			}
		},
		func() { m.name(fakeID) },
		func() {
			if m.serving = m.State() == raft.Leader; m.serving {
				m.send(true)
				m.hidden = 0
			}
		},
		func() { m.leave() },
	}
}

// leave is the end of runLeader, once the state is no longer Leader.
func (m *model) leave() {
	if m.serving && m.State() != raft.Leader {
		m.send(false)
		m.serving = false
	}
}

// fastPath is appendEntries, for a heartbeat, on a transport's goroutine.
func (m *model) fastPath() []func() {
	if m.beat == 0 {
		return nil
	}
	step := func(f func()) func() {
		return func() {
			if m.deposes {
				f()
			}
		}
	}
	accepted := false
	return []func(){
		func() {
			accepted = m.beat >= m.CurrentTerm()
			m.deposes = accepted && (m.beat > m.CurrentTerm() || m.State() != raft.Follower)
		},
		step(func() { m.oldOfBeat = m.State(); m.leader = "" }),
		step(func() { m.store(raft.Follower) }),
		step(func() { m.see(m.oldOfBeat, raft.Follower) }),
		step(func() { m.term.Store(m.beat) }),
		func() {
			if accepted {
				m.name("n2")
			}
		},
	}
}

// attach is Attach: it registers the hook, and seeds.
func (m *model) attach() []func() {
	return []func(){
		func() { m.registered = true },
		func() { m.n.seed(m, m.leader) },
	}
}

// verdict lets raft come to rest and compares.
func (m *model) verdict() error {
	m.leave()
	if s := m.n.State(); s.Leader != (m.State() == raft.Leader) {
		return fmt.Errorf("raft is a %v, and the notifier says %+v", m.State(), s)
	}
	m.set(raft.Candidate) // the next change, by which everything sent is counted
	s := m.n.State()
	if s.Epoch != m.wins && s.Epoch != m.wins-m.hidden {
		return fmt.Errorf("raft won %d times, %d of them hidden, and the notifier says %+v", m.wins, m.hidden, s)
	}
	if m.waited != 0 {
		return fmt.Errorf("%d sends would have waited", m.waited)
	}
	return nil
}

// interleave runs every order of the steps of main loop, fast path and Attach,
// each thread's own order kept, and returns how many there are.
func interleave(t *testing.T, beat uint64, attached bool) (orders int) {
	threads := func(m *model) [][]func() {
		if attached {
			m.registered = true
			return [][]func(){m.mainLoop(), m.fastPath()}
		}
		return [][]func(){m.mainLoop(), m.fastPath(), m.attach()}
	}
	var order []int
	var explore func(left []int)
	explore = func(left []int) {
		done := true
		for i := range left {
			if left[i] == 0 {
				continue
			}
			done = false
			left[i]--
			order = append(order, i)
			explore(left)
			order = order[:len(order)-1]
			left[i]++
		}
		if !done || t.Failed() {
			return
		}
		orders++
		m := newModel(beat)
		steps, next := threads(m), make([]int, len(left))
		for _, i := range order {
			steps[i][next[i]]()
			next[i]++
		}
		if err := m.verdict(); err != nil {
			t.Errorf("heartbeat of term %d, order %v: %v", beat, order, err)
		}
	}
	var left []int
	for _, steps := range threads(newModel(beat)) {
		left = append(left, len(steps))
	}
	explore(left)
	return orders
}

// The other leader is of a later term than ours, of the term before, or silent.
var beats = []uint64{3, 1, 0}

func TestGuarantee2_EveryOrderOfObservations(t *testing.T) {
	orders := 0
	for _, beat := range beats {
		orders += interleave(t, beat, true)
	}
	require.Equal(t, 2*8008+1, orders)
}

func TestGuarantee3_EveryOrderOfAttach(t *testing.T) {
	require.Equal(t, 66, interleave(t, 0, false))
}
