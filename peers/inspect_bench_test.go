// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"os"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// BenchmarkInspect250MB reads a raft.db of 250 MB that has its only list at the beginning,
// so that all of it must be read. The other half reads the file and does nothing with it.
func BenchmarkInspect250MB(b *testing.B) {
	d := newDataDir(b)
	d.entries(1, 1, 0, voters(1, 2, 3))
	data := make([]byte, 256)
	size := int64(0)
	for index := uint64(2); size < 250e6; {
		var batch []*raft.Log
		for range 20_000 {
			batch = append(batch, &raft.Log{Index: index, Term: 1, Data: data})
			index++
		}
		require.NoError(b, d.logs.StoreLogs(batch))
		info, err := os.Stat(d.file("raft.db"))
		require.NoError(b, err)
		size = info.Size()
	}
	d.stable(1, 0, "")
	require.NoError(b, d.logs.Close())
	b.Run("inspect", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			n, err := Inspect(b.Context(), d.path, InspectConfig{})
			require.NoError(b, err)
			require.Empty(b, n.Findings)
			b.ReportMetric(float64(n.Read), "entries")
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		buf := make([]byte, 1<<20)
		for b.Loop() {
			f, err := os.Open(d.file("raft.db"))
			require.NoError(b, err)
			for n := 1; n > 0; {
				n, _ = f.Read(buf) // the end of the file
			}
			require.NoError(b, f.Close())
		}
	})
}
