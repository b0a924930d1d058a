// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// single is a real raft of one server, which leads.
func single(b *testing.B) *raft.Raft {
	n := NewNotifier()
	conf := raft.DefaultConfig()
	conf.LocalID, conf.Logger, conf.NotifyCh = "n1", hclog.NewNullLogger(), n.NotifyCh()
	store := raft.NewInmemStore()
	addr, trans := raft.NewInmemTransport("")
	snaps := raft.NewDiscardSnapshotStore()
	require.NoError(b, raft.BootstrapCluster(conf, store, store, snaps, trans,
		raft.Configuration{Servers: []raft.Server{{ID: conf.LocalID, Address: addr}}}))
	r, err := raft.NewRaft(conf, &raft.MockFSM{}, store, store, snaps, trans)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, r.Shutdown().Error()) })
	require.NoError(b, n.Attach(r))
	_, err = n.WaitLeader(b.Context())
	require.NoError(b, err)
	require.NoError(b, r.Barrier(0).Error())
	return r
}

// BenchmarkAwait measures what it costs to be able to leave, in turns with the
// bare future in the same loop, over the quickest call there is: VerifyLeader of
// a single server.
func BenchmarkAwait(b *testing.B) {
	r := single(b)
	for _, way := range []struct {
		name  string
		await func(ctx context.Context, c *Calls, f raft.Future) error
	}{
		{"bare", func(_ context.Context, _ *Calls, f raft.Future) error { return f.Error() }},
		{"goroutine", func(ctx context.Context, c *Calls, f raft.Future) error { return c.Await(ctx, f) }},
		{"reflection", func(ctx context.Context, c *Calls, f raft.Future) error {
			c.CancelByReflection = true
			return c.Await(ctx, f)
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			c := &Calls{}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			const block = 500
			var bare, with time.Duration
			blocks := (b.N + block - 1) / block
			b.ResetTimer()
			for range blocks {
				start := time.Now()
				for range block {
					if err := r.VerifyLeader().Error(); err != nil {
						b.Fatal(err)
					}
				}
				middle := time.Now()
				for range block {
					if err := way.await(ctx, c, r.VerifyLeader()); err != nil {
						b.Fatal(err)
					}
				}
				bare += middle.Sub(start)
				with += time.Since(middle)
			}
			b.ReportMetric(float64(with)/float64(blocks*block), "ns/op")
			b.ReportMetric(float64(with)/float64(bare), "x-bare")
		})
	}
}
