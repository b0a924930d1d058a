// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// BenchmarkSessionEnd measures how long the end of a session holds up raft's state
// change, by how many contexts were made from the session's.
func BenchmarkSessionEnd(b *testing.B) {
	for _, children := range []int{0, 10, 1000} {
		b.Run(fmt.Sprint(children), func(b *testing.B) {
			n := NewNotifier()
			f := newFakeRaft(n)
			var held time.Duration
			for range b.N {
				f.win()
				ctx, cancel := context.WithCancelCause(context.Background())
				ends := make([]context.CancelFunc, children)
				for i := range children {
					var child context.Context
					child, ends[i] = context.WithCancel(ctx)
					child.Done()
				}
				n.bind(n.state.Epoch, cancel)
				start := time.Now()
				f.set(raft.Follower)
				held += time.Since(start)
				f.send(false)
				for _, end := range ends {
					end()
				}
			}
			b.ReportMetric(float64(held)/float64(b.N), "ns/op")
		})
	}
}

// BenchmarkIdleRunner reports what a Runner holds while its server follows. Most of
// the bytes are stacks.
func BenchmarkIdleRunner(b *testing.B) {
	const runners = 100
	var idle [runners]*Runner
	for i := range idle {
		n := NewNotifier()
		r := blankRaft(b, n)
		runner, err := New(r, n, Role{Establish: func(context.Context, *Session) error { return nil }}, Config{})
		require.NoError(b, err)
		idle[i] = runner
	}
	goroutines, bytes := held()
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error)
	for _, r := range idle {
		go func() { done <- r.Run(ctx) }()
	}
	for _, r := range idle {
		for r.Status().Since.IsZero() {
			runtime.Gosched()
		}
	}
	moreGoroutines, moreBytes := held()
	b.ReportMetric(float64(moreGoroutines-goroutines)/runners, "goroutines")
	b.ReportMetric(float64(moreBytes-bytes)/runners, "bytes")
	b.ReportMetric(0, "ns/op")
	stop()
	for range idle {
		require.NoError(b, <-done)
	}
	left, _ := held()
	b.ReportMetric(float64(left-goroutines), "goroutines-left")
}

func held() (goroutines int, bytes int64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), int64(m.HeapInuse + m.StackInuse)
}

// blankRaft starts a server that belongs to no group and does nothing.
func blankRaft(b *testing.B, n *Notifier) *raft.Raft {
	conf := raft.DefaultConfig()
	conf.LocalID = "n1"
	conf.Logger = hclog.NewNullLogger()
	conf.NotifyCh = n.NotifyCh()
	_, trans := raft.NewInmemTransport("")
	store := raft.NewInmemStore()
	r, err := raft.NewRaft(conf, nil, store, store, raft.NewInmemSnapshotStore(), trans)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, r.Shutdown().Error()) })
	return r
}
