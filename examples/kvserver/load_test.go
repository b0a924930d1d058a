// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	clients = 6
	shared  = 4 // keys that all clients write to
)

// load is clients that write and read, as many operations as they are granted.
type load struct {
	group   group
	history history
	permits chan struct{}
	granted int
	done    atomic.Int64
	wg      sync.WaitGroup

	mu    sync.Mutex
	acked map[string]string // keys that are written once, and their values
}

func startLoad(ctx context.Context, g group, seed uint64) *load {
	l := &load{group: g, permits: make(chan struct{}, 10_000), acked: map[string]string{}}
	for id := range clients {
		rnd := rand.New(rand.NewPCG(seed, uint64(id)))
		l.wg.Go(func() { l.client(ctx, id, rnd) })
	}
	return l
}

func (l *load) grant(n int) {
	for range n {
		l.permits <- struct{}{}
	}
	l.granted += n
}

// caughtUp waits until every operation that was granted has ended.
func (l *load) caughtUp(ctx context.Context, t *testing.T) {
	t.Helper()
	poll(ctx, t, func() string { return fmt.Sprint(l.done.Load(), " of ", l.granted, " operations done") },
		func() bool { return int(l.done.Load()) == l.granted })
}

func (l *load) stop() {
	close(l.permits)
	l.wg.Wait()
}

func (l *load) client(ctx context.Context, id int, rnd *rand.Rand) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	at := l.group[id%len(l.group)]
	for n := 0; ; n++ {
		if _, more := <-l.permits; !more || ctx.Err() != nil {
			return
		}
		once := fmt.Sprintf("c%d-%d", id, n)
		r := request{put, fmt.Sprint("k", rnd.IntN(shared)), once}
		switch dice := rnd.IntN(10); {
		case dice < 3:
			r.key = once
		case dice < 4:
			r.op, r.value = remove, ""
		case dice < 7:
			r.op, r.value = read, ""
		}
		for ended := false; !ended && ctx.Err() == nil; <-pace.C {
			ended, at = l.try(ctx, at, id, r)
		}
		l.done.Add(1)
	}
}

// try sends a request once and says whether it was more than refused, and whom
// to ask next.
func (l *load) try(ctx context.Context, at *process, id int, r request) (ended bool, next *process) {
	next = l.group[(int(at.id[0]-'a')+1)%len(l.group)]
	call := l.history.begin()
	a, err := at.send(ctx, [...]string{put: "PUT", remove: "DELETE", read: "GET"}[r.op], "/kv/"+r.key, r.value)
	switch dial := (*net.OpError)(nil); {
	case errors.As(err, &dial) && dial.Op == "dial": // it was never sent
		return false, next
	case err != nil || a.code == http.StatusGatewayTimeout:
		l.history.unknown(id, r, call)
		return true, next
	case a.code == http.StatusServiceUnavailable:
		for _, p := range l.group {
			if p.id == a.leader {
				next = p
			}
		}
		return false, next
	}
	l.answer(id, r, call, a)
	return true, at
}

func (l *load) answer(id int, r request, call int64, a answered) {
	out := seen{there: a.code == http.StatusOK}
	if out.there && r.op == read {
		out.value = a.body
	}
	if a.code != http.StatusOK && (a.code != http.StatusNotFound || r.op != read) {
		out = seen{value: fmt.Sprintf("answer %d to %+v: %s", a.code, r, a.body)} // no model allows it
		r.op = read
	}
	l.history.end(id, r, call, out)
	if r.op == put && r.key == r.value {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acked[r.key] = r.value
	}
}
