// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// tally counts what the histories came to.
type histories struct{ planned, lossless, lostAnyway, orders, half int }

// recoverHistory is property P12: a random life, an outage with some survivors, a plan,
// and the starts in several orders.
func recoverHistory(t *testing.T, seed uint64, h *histories) {
	path := filepath.Join(t.TempDir(), "peers.json")
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 12))
		w := history(t, rng)
		nodes, o := outage(t, w, rng)
		plan, ok := planHistory(t, nodes, o)
		if !ok {
			return
		}
		h.planned++
		strict := o
		strict.Settled = false
		if p, err := PlanRecovery(nodes, strict); plan.Lossless && (err != nil || !p.Lossless) {
			h.half++ // proven only because the list is known to be settled
		}
		require.NoError(t, os.WriteFile(path, []byte(plan.File), 0o600))
		list, err := raft.ReadConfigJSON(path)
		require.NoError(t, err)
		require.Equal(t, plan.Servers, list.Servers, "raft reads the file as it is meant")
		require.Contains(t, list.Servers, serverOf(plan.Seed))
		require.Equal(t, []raft.ServerID{plan.Seed}, votersOf(list.Servers))
		for _, n := range plan.Nodes {
			w.disks[n.ID].recover(t, n.ID, list.Servers)
		}
		if plan.Lossless {
			h.lossless++
		}
		anyLost := false
		for _, order := range orders(rng, plan) {
			h.orders++
			lost := bootOrder(t, w, order, plan, rng)
			anyLost = anyLost || len(lost) > 0
			if plan.Lossless {
				require.Empty(t, lost, "seed %d: acknowledged and lost, started in order %v; %v", seed, order, plan)
			}
		}
		if anyLost {
			h.lostAnyway++
		}
	})
}

// outage picks the survivors. All others are fenced. It declares that the list is settled
// when that is the truth, which only this test can know.
func outage(t *testing.T, w *world, rng *rand.Rand) (nodes []Node, o RecoveryConfig) {
	ids := slices.Sorted(maps.Keys(w.disks))
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	k := 1 + min(rng.IntN(len(ids)), rng.IntN(len(ids)))
	for _, id := range ids[:k] {
		nodes = append(nodes, w.disks[id].node(t, id))
	}
	o.Fenced, o.NeverForced = ids[k:], true
	seed, _ := best(byID(nodes))
	if len(seed.Configs) == 0 {
		return nodes, o
	}
	lists := listsInForce(nodes, seed)
	o.Settled = true
	for _, id := range ids[k:] {
		for _, c := range w.disks[id].node(t, id).Configs {
			known := func(l Configuration) bool { return l.Digest == c.Digest }
			if c.Index >= lists[len(lists)-1].Index && !slices.ContainsFunc(lists, known) || c.Index > seed.newest().Index {
				o.Settled = false
			}
		}
	}
	return nodes, o
}

// planHistory plans, without the servers that were removed long ago. No history of real
// raft may look like two clusters, a clone, or a forced recovery.
func planHistory(t *testing.T, nodes []Node, o RecoveryConfig) (Recovery, bool) {
	for {
		plan, err := PlanRecovery(nodes, o)
		switch {
		case err == nil:
			return plan, true
		case errors.Is(err, ErrNoSeed):
			return plan, false
		case errors.Is(err, ErrUnfenced): // a blank survivor that was a voter
			require.True(t, slices.ContainsFunc(nodes, func(n Node) bool { return !n.HasState }), "%v", err)
			return plan, false
		}
		require.ErrorContains(t, err, " is in no list", "%v", nodes)
		name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), ErrDisagree.Error()+": "), " ")
		before := len(nodes)
		nodes = slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return string(n.ID) == name })
		require.Less(t, len(nodes), before)
	}
}

// orders are the two extremes, the seed last and the seed first, and one at random.
func orders(rng *rand.Rand, plan Recovery) [][]raft.ServerID {
	var others []raft.ServerID
	for _, n := range plan.Nodes {
		if n.ID != plan.Seed {
			others = append(others, n.ID)
		}
	}
	if len(others) == 0 {
		return [][]raft.ServerID{{plan.Seed}}
	}
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	random := append([]raft.ServerID{plan.Seed}, others...)
	rng.Shuffle(len(random), func(i, j int) { random[i], random[j] = random[j], random[i] })
	return [][]raft.ServerID{append(slices.Clone(others), plan.Seed), append([]raft.ServerID{plan.Seed}, others...), random}
}

// bootOrder starts copies of the recovered disks one after the other, writes to whoever
// leads, promotes everybody, and returns which acknowledged writes are gone.
func bootOrder(t *testing.T, w *world, order []raft.ServerID, plan Recovery, rng *rand.Rand) []string {
	after := newWorld(t)
	for _, id := range order {
		after.disks[id] = w.disks[id].clone(t)
	}
	for _, id := range order {
		after.start(id)
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
		for _, l := range after.leaders() {
			after.write(l)
		}
	}
	after.eventually("a leader after the recovery", func() bool { return len(after.leaders()) > 0 })
	leader := after.leaders()[0]
	if !plan.AllVote {
		require.Equal(t, plan.Seed, leader)
	}
	r := after.up[leader].raft
	require.NoError(t, r.AddVoter(leader, addressOf(leader), 0, time.Minute).Error()) // the re-assertion
	after.agree(leader)                                                               // nobody is promoted before
	for _, id := range order {
		require.NoError(t, r.AddVoter(id, addressOf(id), 0, time.Minute).Error())
	}
	after.write(leader)
	require.NoError(t, r.Barrier(time.Minute).Error())
	lines := after.agree(leader)
	after.crashAll()
	require.Empty(t, after.lost(lines), "a write after the recovery is lost")
	return w.lost(lines)
}

// agree waits until all servers have applied the same as the leader.
func (w *world) agree(leader raft.ServerID) (lines []string) {
	w.eventually("all have the same", func() bool {
		lines = w.up[leader].tape.read()
		for _, s := range w.up {
			if !slices.Equal(s.tape.read(), lines) {
				return false
			}
		}
		return true
	})
	return lines
}

func TestGuarantee23_RandomHistories(t *testing.T) {
	var h histories
	for seed := range uint64(50) {
		recoverHistory(t, seed, &h)
	}
	t.Logf("%+v", h)
	require.Greater(t, h.planned, 30)
	require.Greater(t, h.lossless, 10, "of %d plans", h.planned)
	require.Greater(t, h.half, 3)
}
