// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGuarantee2_TheRingKeepsTheNewestAndCountsTheRest(t *testing.T) {
	for limit := 1; limit < 12; limit++ {
		rec := NewRecorder(limit)
		for n := range 30 {
			tl := rec.Timeline()
			require.Len(t, tl.Events, min(n, limit))
			require.Equal(t, uint64(max(0, n-limit)), tl.Dropped)
			for i, e := range tl.Events {
				require.Equal(t, uint64(n-len(tl.Events)+i), e.Term)
			}
			rec.Record(Event{At: epoch, Kind: Note, Term: uint64(n)}) // one instant: order is by recording
		}
	}
}

func TestRecorderDefaults(t *testing.T) {
	var zero Recorder
	for _, rec := range []*Recorder{&zero, NewRecorder(0), NewRecorder(-1)} {
		for range DefaultLimit + 3 {
			rec.Record(Event{Kind: Note})
		}
		tl := rec.Timeline()
		require.Len(t, tl.Events, DefaultLimit)
		require.Equal(t, uint64(3), tl.Dropped)
		require.WithinDuration(t, time.Now(), tl.Events[0].At, time.Minute)
	}
}

func TestTimelineIsSortedAndItsOwn(t *testing.T) {
	rec := NewRecorder(0)
	rec.Record(Event{At: epoch.Add(1), Server: "b", Kind: Up})
	rec.Record(Event{At: epoch, Server: "a", Kind: Up})
	tl := rec.Timeline()
	require.Equal(t, []string{"a", "b"}, tl.Servers)
	require.Equal(t, "a", tl.Events[0].Server)
	tl.Events[0].Server = "changed"
	require.Equal(t, "a", rec.Timeline().Events[0].Server)
}

func TestGuarantee1_RecordAllocatesNothingOnceFull(t *testing.T) {
	rec := NewRecorder(8)
	e := Event{At: epoch, Server: "n1", Kind: Gain, Term: 1, Text: "text"}
	for range 8 {
		rec.Record(e)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { rec.Record(e) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { rec.Record(Event{Kind: Note}) }))
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	const writers, each = 8, 200
	rec := NewRecorder(64)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				rec.Record(Event{Server: "n1", Kind: Note})
			}
		})
	}
	for range 20 {
		tl := rec.Timeline()
		require.LessOrEqual(t, len(tl.Events), 64)
	}
	wg.Wait()
	tl := rec.Timeline()
	require.Equal(t, uint64(writers*each), tl.Dropped+uint64(len(tl.Events)))
}
