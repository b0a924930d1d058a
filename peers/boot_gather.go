// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/raft"
)

// gather asks discovery, and then everybody whom it, the stores, the peers.json or an
// offer names. All answers were asked for after the offer was made.
func (b *boot) gather(ctx context.Context) BootInput {
	in := BootInput{Local: b.Local.Reply(), Offer: b.Local.promised(), Pending: b.pending, AllowSingle: b.AllowSingle}
	ask, cancel := context.WithTimeout(ctx, b.ProbeTimeout)
	defer cancel()
	in.View, in.ViewErr = b.view.do(ask, b.Source.View)
	if !in.Local.HasState || in.Pending != nil {
		ask, cancel = context.WithTimeout(ctx, b.ProbeTimeout)
		defer cancel()
	}
	in.Replies, in.Unasked = b.ask(ask, b.named(in))
	return in
}

// named are the servers to ask. Where a server is said to be at several addresses,
// discovery knows best.
func (b *boot) named(in BootInput) map[raft.ServerID]raft.Server {
	servers := map[raft.ServerID]raft.Server{}
	add := func(s raft.Server) {
		if _, known := servers[s.ID]; !known && s.ID != in.Local.ID {
			servers[s.ID] = s
		}
	}
	for _, m := range in.View.Members {
		if m.Health != Left {
			add(raft.Server{ID: m.ID, Address: m.Address})
		}
	}
	if in.Pending != nil {
		for _, s := range in.Pending.Servers {
			add(s)
		}
	}
	for _, s := range in.Offer.Servers {
		add(s)
	}
	for _, s := range in.Local.Servers {
		add(s)
	}
	return servers
}

// ask probes all servers at once, until ctx ends.
func (b *boot) ask(ctx context.Context, servers map[raft.ServerID]raft.Server) (map[raft.ServerID]Reply, map[raft.ServerID]error) {
	replies, unasked := map[raft.ServerID]Reply{}, map[raft.ServerID]error{}
	var mu sync.Mutex // guards both maps
	var wg sync.WaitGroup
	for id, s := range servers {
		if b.calls[id] == nil {
			b.calls[id] = &call[Reply]{}
		}
		c := b.calls[id]
		wg.Go(func() {
			r, err := c.do(ctx, func(ctx context.Context) (Reply, error) { return b.Prober.Probe(ctx, s) })
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unasked[id] = err
			} else {
				replies[id] = r
			}
		})
	}
	wg.Wait()
	return replies, unasked
}

// errHangs is of a call that did not return when its context ended.
var errHangs = errors.New("an earlier call has still not returned")

// call runs a foreign function that may not return, one at a time. It is for one goroutine.
type call[T any] struct {
	running chan brought[T] // nil: none is
}

type brought[T any] struct {
	value T
	err   error
}

// do returns when ctx ends, whatever f does. The answer to an earlier call is thrown away:
// it may be older than what others have been told since.
func (c *call[T]) do(ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	var none T
	if c.running != nil {
		select {
		case <-c.running:
		case <-ctx.Done():
			return none, errHangs
		}
	}
	answers := make(chan brought[T], 1)
	c.running = answers
	go func() {
		v, err := f(ctx)
		answers <- brought[T]{v, err}
	}()
	select {
	case a := <-answers:
		c.running = nil
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
