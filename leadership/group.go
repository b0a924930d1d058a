// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"slices"
	"sync"
)

// group is the goroutines of one session.
type group struct {
	mu      sync.Mutex
	closed  bool
	last    int
	running map[int]member
	empty   chan struct{} // closed when the last has ended, once closed is set
}

type member struct {
	name   string
	worker string // as runtime.Stack names it; "" until it runs
}

// start runs fn unless the group is closed.
func (g *group) start(name string, fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.running == nil {
		g.running = map[int]member{}
	}
	g.last++
	id := g.last
	g.running[id] = member{name: name}
	go func() {
		defer g.leave(id)
		g.mu.Lock()
		g.running[id] = member{name, goroutine()}
		g.mu.Unlock()
		fn()
	}()
}

func (g *group) leave(id int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, id)
	if g.empty != nil && len(g.running) == 0 {
		close(g.empty)
		g.empty = nil
	}
}

// join closes the group and waits for what runs. It is called once.
func (g *group) join() {
	g.mu.Lock()
	g.closed = true
	var empty chan struct{}
	if len(g.running) > 0 {
		empty = make(chan struct{})
		g.empty = empty
	}
	g.mu.Unlock()
	if empty != nil {
		<-empty
	}
}

// left lists what runs.
func (g *group) left() (names, workers []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.running {
		names = append(names, m.name)
		if m.worker != "" {
			workers = append(workers, m.worker)
		}
	}
	slices.Sort(names)
	return names, workers
}
