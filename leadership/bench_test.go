// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A line is one way to tell a program that leadership changed: put is raft's
// side, get the reader's.
type line struct {
	name string
	make func(ctx context.Context) (put func(leader bool), get func() bool)
}

// send is raft's side of every NotifyCh (raft.go, runLeader).
func send(notify chan<- bool, shutdown <-chan struct{}, v bool) {
	select {
	case notify <- v:
	case <-shutdown:
	}
}

// leaderCh restates the idea of raft.Raft.LeaderCh: one slot, newest wins.
func leaderCh(context.Context) (func(bool), func() bool) {
	ch := make(chan bool, 1)
	return func(v bool) {
		select {
		case ch <- v:
		case <-ch:
			ch <- v
		}
	}, func() bool { return <-ch }
}

// proxy restates nomad#6977: a goroutine that always receives.
func proxy(ctx context.Context) (func(bool), func() bool) {
	src := make(chan bool)
	dst := DropButLast(ctx, src)
	return func(v bool) { send(src, ctx.Done(), v) }, func() bool { return <-dst }
}

// buffered restates consul#6852: more slots.
func buffered(context.Context) (func(bool), func() bool) {
	ch, shutdown := make(chan bool, 10), make(chan struct{})
	return func(v bool) { send(ch, shutdown, v) }, func() bool { return <-ch }
}

// hook is the Notifier: the hook and raft's send.
func hook(ctx context.Context) (func(bool), func() bool) { return notifierLine(ctx, true) }

// hookAlone leaves out the send, which is raft's own and the same for all.
func hookAlone(ctx context.Context) (func(bool), func() bool) { return notifierLine(ctx, false) }

func notifierLine(ctx context.Context, sends bool) (func(bool), func() bool) {
	n := NewNotifier()
	f := newFakeRaft(n)
	shutdown := make(chan struct{})
	w := n.Watch()
	put := func(v bool) { // with all that raft observes at a win and at a loss
		if v {
			f.store(raft.Leader)
			n.transition(raft.Leader, f)
			n.leaderNamed(fakeID, f)
		} else {
			f.store(raft.Follower)
			n.transition(raft.Follower, f)
		}
		if sends {
			send(n.ch, shutdown, v)
		}
	}
	_, _ = w.Next(ctx)
	return put, func() bool {
		u, _ := w.Next(ctx)
		return u.Leader
	}
}

// BenchmarkHeld measures how long raft is held per notification when nobody
// reads, in turns with the LeaderCh idea in the same loop.
func BenchmarkHeld(b *testing.B) {
	for _, l := range []line{{"leaderch", leaderCh}, {"proxy", proxy}, {"notifier-hook", hookAlone}, {"notifier-hook+send", hook}} {
		b.Run(l.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			base, _ := leaderCh(ctx)
			put, _ := l.make(ctx)
			const block = 1000
			var baseTime, putTime time.Duration
			b.ReportAllocs()
			for i := 0; i < b.N; i += block {
				start := time.Now()
				for j := range block {
					base(j&1 == 0)
				}
				middle := time.Now()
				for j := range block {
					put(j&1 == 0)
				}
				baseTime += middle.Sub(start)
				putTime += time.Since(middle)
			}
			blocks := float64((b.N + block - 1) / block * block)
			b.ReportMetric(float64(putTime)/blocks, "ns/op")
			b.ReportMetric(float64(putTime)/float64(baseTime), "x-leaderch")
		})
	}
}

// BenchmarkHeldBurst measures single notifications in bursts of eight with
// every CPU busy and nobody reading. The buffered channel is left out: it
// blocks for good at the eleventh.
func BenchmarkHeldBurst(b *testing.B) {
	for _, l := range []line{{"leaderch", leaderCh}, {"proxy", proxy}, {"notifier", hook}} {
		b.Run(l.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			busy(ctx)
			put, _ := l.make(ctx)
			took := make([]time.Duration, 0, 8*b.N)
			for range b.N {
				for j := range 8 {
					start := time.Now()
					put(j&1 == 0)
					took = append(took, time.Since(start))
				}
				runtime.Gosched()
			}
			reportPercentiles(b, took)
		})
	}
}

func busy(ctx context.Context) {
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for ctx.Err() == nil { //nolint:revive // it burns the CPU
			}
		}()
	}
}

func reportPercentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
}

// BenchmarkWake measures from raft's write to the parked reader that runs. The
// writer waits afterwards, as raft's main loop does, and the caches cool in
// between, as between real flaps. On one CPU (-cpu 1) it shows what a design
// costs; on more, what waking a CPU costs.
func BenchmarkWake(b *testing.B) {
	for _, l := range []line{{"leaderch", leaderCh}, {"proxy", proxy}, {"buffered-10", buffered}, {"notifier-hook", hookAlone}, {"notifier-hook+send", hook}} {
		b.Run(l.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			put, get := l.make(ctx)
			start, woke := time.Now(), make(chan time.Duration)
			go func() {
				defer close(woke)
				for ctx.Err() == nil {
					get()
					woke <- time.Since(start)
				}
			}()
			took := make([]time.Duration, 0, b.N)
			for i := range b.N {
				time.Sleep(20 * time.Microsecond)
				wrote := time.Since(start)
				put(i&1 == 0)
				took = append(took, <-woke-wrote)
			}
			reportPercentiles(b, took)
			cancel()
			put(b.N&1 == 0) // lets the reader see the end
			<-woke
		})
	}
}

func spin(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; { //nolint:revive // it waits without giving up the CPU
	}
}

// BenchmarkWatchers measures what a flap costs raft with many parked watchers.
func BenchmarkWatchers(b *testing.B) {
	for _, l := range []struct {
		name     string
		watchers int
	}{{"1", 1}, {"1000", 1000}} {
		b.Run(l.name, func(b *testing.B) {
			n := NewNotifier()
			f := newFakeRaft(n)
			var wg sync.WaitGroup
			var parked atomic.Int64
			for range l.watchers {
				w := n.Watch()
				wg.Go(func() {
					for {
						if _, err := w.Next(b.Context()); err != nil {
							return
						}
						parked.Add(1)
					}
				})
			}
			var held time.Duration
			for i := range b.N {
				for parked.Load() < int64(l.watchers) {
					runtime.Gosched()
				}
				parked.Store(0)
				spin(100 * time.Microsecond)
				to := raft.Leader
				if i&1 == 1 {
					to = raft.Follower
				}
				start := time.Now()
				f.set(to)
				held += time.Since(start)
				f.send(i&1 == 0)
			}
			b.ReportMetric(float64(held)/float64(b.N), "ns/op")
			f.set(raft.Shutdown)
			wg.Wait()
		})
	}
}
