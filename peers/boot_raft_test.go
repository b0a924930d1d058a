// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Three blank servers, started at different times, find each other and elect; the slowest
// is asked and answered so late that the others lead long before it has decided.
func TestGuarantee19_ThreeBlankServersElect(t *testing.T) {
	for _, delay := range []time.Duration{0, 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			f := newBootFleet(3)
			t.Cleanup(func() { f.stop(t) })
			f.delay["n2"] = delay
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var wg sync.WaitGroup
			for i, after := range []time.Duration{0, 300 * time.Millisecond, 7 * time.Second} {
				n := f.nodes[bootID(i)]
				wg.Go(func() {
					time.Sleep(after)
					c := n.config()
					c.Expect = 3
					assert.NoError(t, n.run(ctx, c))
				})
			}
			wg.Wait()
			f.leader(t, 10*time.Second)
			first := make(map[Digest]bool)
			for _, n := range f.nodes {
				var entry raft.Log
				require.NoError(t, n.store.GetLog(1, &entry))
				conf, err := decodeConfiguration(entry.Data)
				require.NoError(t, err)
				require.Len(t, conf.Servers, 3)
				first[DigestOf(conf.Servers)] = true
			}
			require.Len(t, first, 1, "all have bootstrapped with one list")
		})
	}
}

// boots starts all servers of f, and waits until they are started.
func (f *bootFleet) boots(t *testing.T, change func(*BootConfig)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, n := range f.nodes {
		c := n.config()
		change(&c)
		wg.Go(func() { assert.NoError(t, n.run(ctx, c)) })
	}
	wg.Wait()
}

// F3: a whole cluster is stopped and started again while discovery is down. Nobody waits
// for it, and nobody's list is empty.
func TestGuarantee19_F3_RestartedServersStartAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newBootFleet(3)
		t.Cleanup(func() { f.stop(t) })
		f.boots(t, func(c *BootConfig) { c.Expect = 3 })
		f.leader(t, 10*time.Second)
		f.stop(t)
		for i := range 3 {
			f.nodes[bootID(i)].power(i)
		}
		down := FuncSource(func(ctx context.Context) (View, error) { <-ctx.Done(); return View{}, ctx.Err() })
		began := time.Now()
		f.boots(t, func(c *BootConfig) { c.Expect, c.Source, c.Prober = 3, down, hangingProber{} })
		require.LessOrEqual(t, time.Since(began), time.Second)
		f.leader(t, 5*time.Second)
	})
}

// F30: a server that lost its disk does not vote, until the leader has taken its vote away.
func TestGuarantee20_F30_WipedServerComesBackWithoutVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newBootFleet(3)
		t.Cleanup(func() { f.stop(t) })
		f.boots(t, func(c *BootConfig) { c.Expect = 3 })
		leader := f.leader(t, 10*time.Second)
		lost := f.nodes["n0"]
		if lost == leader {
			lost = f.nodes["n1"]
		}
		i := int(lost.id()[1] - '0')
		lost.stop(t)
		lost.store, lost.snaps = raft.NewInmemStore(), raft.NewInmemSnapshotStore()
		lost.power(i)

		c := lost.config()
		c.Expect = 3
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		v, err := Boot(ctx, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "must not vote")
		require.Contains(t, bootCodes(v), BootAmnesia)
		require.ErrorIs(t, lost.act(t.Context(), v), ErrWait)
		require.Zero(t, lost.writes())

		require.NoError(t, leader.raft.DemoteVoter(lost.id(), 0, 0).Error())
		require.NoError(t, lost.run(t.Context(), c))
		f.leader(t, 5*time.Second)
		time.Sleep(5 * time.Second)
		require.Equal(t, leader.raft.LastIndex(), lost.raft.LastIndex(), "it was replicated to")
	})
}

// writes is what a blank store holds: nothing.
func (n *bootNode) writes() uint64 {
	last, _ := n.store.LastIndex()
	term, _ := n.store.GetUint64(keyCurrentTerm)
	return last + term
}

// One of five servers is left. It takes in the peers.json, leads, and knows also after a
// restart that its list is in no log yet.
func TestGuarantee20_F9_OneOfFiveRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newBootFleet(5)
		t.Cleanup(func() { f.stop(t) })
		f.boots(t, func(c *BootConfig) { c.Expect = 5 })
		f.leader(t, 10*time.Second)
		f.stop(t)

		n, dir := f.nodes["n3"], t.TempDir()
		n.power(3)
		list := []raft.Server{n.local.server(), {ID: "n4", Address: "10.0.0.4:8300", Suffrage: raft.Nonvoter}}
		path := filepath.Join(dir, "peers.json")
		_, err := WritePeers(path, File{Servers: list})
		require.NoError(t, err)
		start := func() {
			c := n.config()
			c.Dir = dir
			require.NoError(t, n.run(t.Context(), c))
		}
		start()
		require.NoFileExists(t, path)
		require.True(t, n.local.wasRecovered())
		require.Equal(t, n, f.leader(t, 10*time.Second))

		n.stop(t)
		n.power(3)
		start()
		require.True(t, n.local.wasRecovered(), "the list is in no log yet")
		f.leader(t, 10*time.Second)
		require.NoError(t, n.raft.AddVoter("n3", list[0].Address, 0, 0).Error())
		require.False(t, n.local.wasRecovered())

		n.stop(t)
		n.power(3)
		start()
		require.False(t, n.local.wasRecovered())
	})
}

// F36: what cannot be taken in stays, byte for byte.
func TestGuarantee20_F36_RefusedFileStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newBootFleet(3)
		t.Cleanup(func() { f.stop(t) })
		dir := t.TempDir()
		path := filepath.Join(dir, "peers.json")
		for name, text := range map[string]string{
			"damaged": `[{"id": "n0", "address": "10.0.0.0:8300", "nonvoter": true}]`,
			"blank":   `[{"id": "n0", "address": "10.0.0.0:8300"}, {"id": "n1", "address": "10.0.0.1:8300"}]`,
		} {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			c := f.nodes["n0"].config()
			c.Dir, c.Expect = dir, 3
			v, err := Boot(t.Context(), c)
			require.NoError(t, err, name)
			require.Equal(t, ActRefuse, v.Action, name)
			require.ErrorIs(t, f.nodes["n0"].act(t.Context(), v), ErrRefused, name)
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, text, string(kept), name)
			require.Zero(t, f.nodes["n0"].writes(), name)
		}
	})
}
