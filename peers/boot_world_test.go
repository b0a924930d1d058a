// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/hashicorp/raft"
)

// bootWorld is a few servers that boot: each asks the others one by one, decides, and acts
// some time later, while views change, links break and others do the same. The model of
// Boot and Act is in round, ask, decide and act; the decision is BootPlan itself.
type bootWorld struct {
	rng     *rand.Rand
	servers []*bootServer
	reach   [][]bool // who can ask whom
	forget  bool     // servers restart and lose disks, too
	now     int      // a step
	lists   map[Digest]bool
	acted   int
	wrong   string // what must never happen, and did
}

type bootServer struct {
	me      Reply // what others see
	offer   Offer
	view    []Member
	blankAt int // the last step at which its stores were known to be empty
	born    int // the step at which its process started

	asking  []int // who is still to be asked; nil and in nil: no round
	in      *BootInput
	verdict *Verdict // to act upon
}

func bootID(i int) raft.ServerID { return raft.ServerID(fmt.Sprintf("n%d", i)) }

func bootMember(i int) Member {
	return Member{ID: bootID(i), Address: raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", i)), Health: Alive}
}

func newBootWorld(rng *rand.Rand, size, expect int, forget bool) *bootWorld {
	w := &bootWorld{rng: rng, forget: forget, lists: map[Digest]bool{}}
	for i := range size {
		m := bootMember(i)
		w.servers = append(w.servers, &bootServer{me: Reply{ID: m.ID, Address: m.Address, Expect: expect}})
		w.reach = append(w.reach, slices.Repeat([]bool{true}, size))
	}
	for _, s := range w.servers {
		w.look(s)
	}
	return w
}

// look gives s another view: some of the servers, one of them perhaps not alive.
func (w *bootWorld) look(s *bootServer) {
	s.view = nil
	for i := range w.servers {
		if w.rng.IntN(5) == 0 {
			continue
		}
		m := bootMember(i)
		if w.rng.IntN(12) == 0 {
			m.Health = []Health{Failed, Left, Leaving, Unknown}[w.rng.IntN(4)]
		}
		s.view = append(s.view, m)
	}
	w.rng.Shuffle(len(s.view), func(i, j int) { s.view[i], s.view[j] = s.view[j], s.view[i] })
}

func (w *bootWorld) step() {
	w.now++
	i := w.rng.IntN(len(w.servers))
	s := w.servers[i]
	switch k := w.rng.IntN(100); {
	case k < 10:
		w.look(s)
	case k < 16:
		w.reach[i][w.rng.IntN(len(w.servers))] = w.rng.IntN(3) > 0
	case k < 19 && w.forget:
		w.restart(s, false)
	case k < 21 && w.forget:
		w.restart(s, true)
	default:
		w.advance(i)
	}
	for _, s := range w.servers {
		if !s.me.HasState {
			s.blankAt = w.now
		}
	}
}

func (w *bootWorld) restart(s *bootServer, wipe bool) {
	s.offer, s.me.Candidates = Offer{}, Digest{}
	s.asking, s.in, s.verdict, s.born = nil, nil, nil, w.now
	if wipe {
		s.me.HasState, s.me.Servers, s.me.ConfigIndex = false, nil, 0
	}
}

// advance does the next thing of server i.
func (w *bootWorld) advance(i int) {
	s := w.servers[i]
	switch {
	case s.me.HasState:
	case s.verdict != nil:
		w.act(s)
	case s.in == nil:
		w.round(i)
	case len(s.asking) > 0:
		w.ask(i)
	default:
		w.decide(s)
	}
}

func (w *bootWorld) round(i int) {
	s := w.servers[i]
	s.in = &BootInput{
		Local: s.me, Offer: s.offer, View: View{Members: slices.Clone(s.view), Warm: true},
		Replies: map[raft.ServerID]Reply{}, Unasked: map[raft.ServerID]error{},
	}
	for j := range w.servers {
		id := bootID(j)
		seen := slices.ContainsFunc(s.view, func(m Member) bool { return m.ID == id && m.Health != Left })
		if j != i && (seen || lists(s.offer.Servers, id)) {
			s.asking = append(s.asking, j)
		}
	}
	w.rng.Shuffle(len(s.asking), func(a, b int) { s.asking[a], s.asking[b] = s.asking[b], s.asking[a] })
}

func (w *bootWorld) ask(i int) {
	s := w.servers[i]
	j := s.asking[0]
	s.asking = s.asking[1:]
	if w.reach[i][j] {
		s.in.Replies[bootID(j)] = w.servers[j].me
	} else {
		s.in.Unasked[bootID(j)] = fmt.Errorf("no route")
	}
}

func (w *bootWorld) decide(s *bootServer) {
	v := BootPlan(*s.in)
	s.in = nil
	s.offer, s.me.Candidates = v.Offer, v.Offer.told()
	switch v.Action {
	case ActBootstrap:
		s.verdict = &v
	case ActWait:
	default:
		w.wrong = fmt.Sprintf("%s: %s", s.me.ID, v)
	}
}

func (w *bootWorld) act(s *bootServer) {
	v := s.verdict
	s.verdict = nil
	w.acted++
	w.lists[v.Digest] = true
	if len(w.lists) > 1 {
		w.wrong = fmt.Sprintf("%s bootstraps with %v; somebody has done so with another list", s.me.ID, v.Servers)
	}
	for _, other := range w.servers {
		if lists(v.Servers, other.me.ID) && other.blankAt < s.born {
			w.wrong = fmt.Sprintf("%s forgot what it had: since it started, %s has always had state", s.me.ID, other.me.ID)
		}
	}
	s.me.HasState, s.me.Term, s.me.LastTerm, s.me.LastIndex = true, 1, 1, 1
	s.me.Servers, s.me.ConfigIndex = v.Servers, 1
}

// settle ends all trouble, and lets everybody do its rounds.
func (w *bootWorld) settle() {
	for i, s := range w.servers {
		s.view = nil
		for j := range w.servers {
			s.view = append(s.view, bootMember(j))
			w.reach[i][j] = true
		}
		s.me.Running = s.me.HasState
	}
	for range 40 * len(w.servers) {
		for i := range w.servers {
			w.advance(i)
		}
		if w.unfinished() == "" {
			return
		}
	}
}

// bootCase is one random history.
func bootCase(seed uint64) (acted int, wrong string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	size := 3 + rng.IntN(3)
	expect, forget := size, rng.IntN(2) == 0
	if !forget {
		expect = size/2 + 1 + rng.IntN(size-size/2)
	}
	w := newBootWorld(rng, size, expect, forget)
	for range 60 + rng.IntN(120) {
		if w.step(); w.wrong != "" {
			return w.acted, w.wrong
		}
	}
	if w.settle(); w.wrong != "" || forget {
		return w.acted, w.wrong
	}
	return w.acted, w.unfinished()
}

// unfinished is for a world without losses: all of the list must have bootstrapped.
func (w *bootWorld) unfinished() string {
	for _, s := range w.servers {
		for _, other := range w.servers {
			if lists(s.me.Servers, other.me.ID) && !other.me.HasState {
				return fmt.Sprintf("%s never followed %s", other.me.ID, s.me.ID)
			}
		}
	}
	if w.acted == 0 {
		return "nobody ever bootstrapped"
	}
	return ""
}

// staticCase is one assignment of states, expectations, views and links, all at one
// time. It reports how many bootstrap.
func staticCase(seed uint64) (bootstraps int, wrong string) {
	rng := rand.New(rand.NewPCG(seed, 2))
	size := 3 + rng.IntN(3)
	w := newBootWorld(rng, size, 0, false)
	tame := rng.IntN(3) > 0 // most assignments have one expectation and few faults: else nobody bootstraps
	one := size/2 + 1 + rng.IntN(size-size/2)
	for i, s := range w.servers {
		w.assign(s, tame, one)
		for j := range w.servers {
			w.reach[i][j] = rng.IntN(20) > 0 || tame
		}
		if tame && rng.IntN(4) > 0 {
			s.view = nil
			for j := range one + rng.IntN(size-one+1) {
				s.view = append(s.view, bootMember(j))
			}
		}
	}
	offers := func() {
		for i, s := range w.servers {
			w.round(i)
			for len(s.asking) > 0 {
				w.ask(i)
			}
		}
	}
	offers()
	for _, s := range w.servers {
		s.offer = BootPlan(*s.in).Offer
	}
	for _, s := range w.servers {
		s.me.Candidates = s.offer.told()
		s.asking, s.in = nil, nil
	}
	offers()
	return w.agreed()
}

// assign makes s blank, with state, of another cluster, or unreachable.
func (w *bootWorld) assign(s *bootServer, tame bool, expect int) {
	if s.me.Expect = expect; !tame {
		s.me.Expect = len(w.servers)/2 + 1 + w.rng.IntN(3)
	}
	switch k := w.rng.IntN(30); {
	case k == 0:
		s.me.HasState, s.me.LastIndex, s.me.ConfigIndex = true, 9, 7
	case k == 1:
		s.me.ClusterID = "other"
	case k == 2:
		s.me.ID = "stranger"
	}
}

func (w *bootWorld) agreed() (bootstraps int, wrong string) {
	var first *Verdict
	for _, s := range w.servers {
		v := BootPlan(*s.in)
		if v.Action != ActBootstrap {
			continue
		}
		bootstraps++
		switch {
		case s.me.HasState:
			return bootstraps, "a bootstrap over state"
		case first == nil:
			first = &v
		case first.Digest != v.Digest:
			return bootstraps, fmt.Sprintf("two lists: %v and %v", first.Servers, v.Servers)
		}
	}
	return bootstraps, ""
}
