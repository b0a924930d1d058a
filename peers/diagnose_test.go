// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func foundCodes(findings []Finding) (codes []Code) {
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}

func running(id, leader raft.ServerID, list ...raft.ServerID) Node {
	return NodeOf(Reply{ID: id, HasState: true, LastTerm: 2, LastIndex: 9, Servers: listOf(list...), ConfigIndex: 1, Leader: leader, Running: true})
}

func TestDiagnose(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	three := configAt(1, 1, "a", "b", "c")
	snapshot := []Snapshot{{ID: "2-9-1700000000000", Taken: now}}
	copied, original := stored("a", 2, 9, three), stored("b", 2, 9, three)
	copied.Snapshots, original.Snapshots = snapshot, snapshot
	aliased := raft.Server{ID: "c", Address: "[::ffff:10.0.0.1]:8300"}
	alias := []raft.Server{{ID: "a", Address: "10.0.0.1:8300"}, serverOf("b"), aliased}
	alive := func(id raft.ServerID, address string) Member {
		return Member{ID: id, Address: raft.ServerAddress(address), Health: Alive}
	}
	for name, c := range map[string]struct {
		nodes []Node
		view  View
		want  []Code
		says  string
	}{
		"healthy":              {[]Node{running("a", "a", "a", "b", "c"), running("b", "a", "a", "b", "c")}, View{}, nil, ""},
		"F5 one left":          {[]Node{running("a", "", "a", "b", "c")}, View{Taken: now, Members: []Member{{ID: "b", Health: Failed, Since: now.Add(-time.Hour)}}}, []Code{FoundNoQuorum}, "1 of 3 voters are up, a quorum is 2; missing: b (failed for 1h0m0s), c; start 1 of the missing"},
		"F19 joining":          {[]Node{running("a", "", "a", "b", "c")}, View{}, []Code{FoundNoQuorum}, "Joining and removing servers cannot help"},
		"no leader":            {[]Node{running("a", "", "a", "b", "c"), running("b", "", "a", "b", "c")}, View{}, []Code{FoundNoLeader}, ""},
		"stopped":              {[]Node{stored("a", 2, 9, three), stored("b", 2, 9, three)}, View{}, []Code{FoundStopped}, "start them"},
		"one directory":        {[]Node{stored("a", 2, 9, three)}, View{}, []Code{FoundNoQuorum}, "a (on disk here, not running)"},
		"F1 F9 lists vary":     {[]Node{stored("a", 2, 9, three, configAt(9, 2, "a", "b")), stored("b", 2, 8, three)}, View{}, []Code{FoundListsVary, FoundStopped, FoundOldHolders, FoundEven}, "the newest lists differ"},
		"F10 two bootstraps":   {[]Node{stored("a", 2, 9, configAt(1, 1, "a")), stored("b", 2, 8, configAt(1, 1, "b"))}, View{}, []Code{FoundConflict, FoundOldHolders, FoundListsVary, FoundSingle, FoundSingle, FoundStopped}, "two bootstraps, two clusters"},
		"F37 live split":       {[]Node{running("a", "a", "a", "b"), running("c", "c", "c", "d")}, View{}, []Code{FoundConflict}, ""},
		"amnesia":              {[]Node{running("a", "a", "a", "b", "c"), running("b", "a", "a", "b", "c"), NodeOf(Reply{ID: "c"})}, View{}, []Code{FoundAmnesia}, "do not start it"},
		"F28 alias":            {[]Node{{ID: "a", Live: true, HasState: true, Leader: "a", Configs: []Configuration{{Index: 1, Servers: alias, Digest: DigestOf(alias)}}}}, View{}, []Code{FoundAlias}, "a and c are both at 10.0.0.1:8300"},
		"clone":                {[]Node{copied, original}, View{}, []Code{FoundClone, FoundStopped}, "one is a copy"},
		"one id twice":         {[]Node{stored("a", 2, 9, three), stored("a", 2, 9, three), stored("b", 2, 9, three)}, View{}, []Code{FoundClone, FoundStopped}, "two nodes claim"},
		"even":                 {[]Node{running("a", "a", "a", "b"), running("b", "a", "a", "b")}, View{}, []Code{FoundEven}, ""},
		"single":               {[]Node{running("a", "a", "a")}, View{}, []Code{FoundSingle}, "never give each server a list of itself"},
		"discovery differs":    {[]Node{running("a", "a", "a", "b", "c"), running("b", "a", "a", "b", "c")}, View{Warm: true, Members: []Member{alive("a", "a:8300"), alive("b", "b:9"), alive("z", "z:1")}}, []Code{FoundMoved, FoundUnlisted, FoundUnseen}, ""},
		"two discoveries":      {[]Node{running("a", "a", "a", "b", "c"), running("b", "a", "a", "b", "c")}, View{Members: []Member{{ID: "a", ClusterID: "x"}, {ID: "b", ClusterID: "y"}}}, []Code{FoundForeign}, ""},
		"nothing is known":     {nil, View{}, nil, ""},
		"a blank one, no list": {[]Node{{ID: "a"}}, View{}, nil, ""},
	} {
		found := Diagnose(c.nodes, c.view)
		text := ""
		for _, f := range found {
			text += f.String() + "\n"
			require.NotEmpty(t, f.Advice, "%s: %v", name, f)
		}
		for _, code := range c.want {
			require.Contains(t, foundCodes(found), code, "%s:\n%s", name, text)
		}
		if len(c.want) == 0 {
			require.Empty(t, found, name)
		}
		require.Contains(t, text, c.says, name)
		require.True(t, slices.IsSortedFunc(found, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) }), "%s: the worst first", name)
		for range 5 {
			rand.Shuffle(len(c.nodes), func(i, j int) { c.nodes[i], c.nodes[j] = c.nodes[j], c.nodes[i] })
			rand.Shuffle(len(c.view.Members), func(i, j int) { c.view.Members[i], c.view.Members[j] = c.view.Members[j], c.view.Members[i] })
			require.Equal(t, found, Diagnose(c.nodes, c.view), name)
		}
	}
}

// A leftover of a deposed leader is no conflict: same index, another term, never committed.
func TestDiagnose_LeftoversAreNoConflict(t *testing.T) {
	three := configAt(1, 1, "a", "b", "c")
	found := Diagnose([]Node{
		stored("a", 3, 7, three, configAt(5, 2, "a", "b", "c", "d")),
		stored("b", 3, 9, three, configAt(5, 3, "a", "b"), configAt(8, 3, "a", "b", "e")),
	}, View{})
	require.NotContains(t, foundCodes(found), FoundConflict)
	require.NotContains(t, foundCodes(found), FoundForced)
}

// Whatever the nodes hold, neither function panics, changes its input, or depends on an order.
func TestDiagnose_AnyInput(t *testing.T) {
	ids := []raft.ServerID{"", "a", "b", "c"}
	node := rapid.Custom(func(t *rapid.T) Node {
		n := Node{ID: rapid.SampledFrom(ids).Draw(t, "id"), Live: rapid.Bool().Draw(t, "live"), HasState: rapid.Bool().Draw(t, "state")}
		n.Last = Entry{Term: rapid.Uint64Range(0, 3).Draw(t, "term"), Index: rapid.Uint64Range(0, 5).Draw(t, "index")}
		for i := range rapid.IntRange(0, 3).Draw(t, "configs") {
			n.Configs = append(n.Configs, configAt(uint64(i), rapid.Uint64Range(0, 2).Draw(t, "t"), rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).Draw(t, "list")...))
		}
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.SliceOfN(node, 0, 4).Draw(t, "nodes")
		before := slices.Clone(nodes)
		_ = Diagnose(nodes, View{})
		r, err := PlanRecovery(nodes, RecoveryConfig{Fenced: ids})
		require.Equal(t, before, nodes)
		if err == nil {
			require.Equal(t, []raft.ServerID{r.Seed}, votersOf(r.Servers))
			require.NotEmpty(t, r.String())
		}
	})
}
