// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var updatePlans = flag.Bool("update-plans", false, "rewrite the golden plans")

// aNight has everything in it that a plan can say.
func aNight() *town {
	s := townOf(6)
	s.dies("n6", 2*time.Minute) // dead
	s.moves("n2", 3)            // swapped
	s.moves("n3", 2)
	s.moves("n5", 9) // moved
	s.comes(7)       // new
	s.comes(8)       // of another cluster
	s.says("n8", func(r *Reply) { r.ClusterID = "dev" })
	s.nonvoter(10) // behind
	s.says("n10", func(r *Reply) { r.LastIndex = 12 })
	return s
}

func goldenPlans() map[string]Plan {
	restart := townOf(3)
	restart.Leaving = []raft.ServerID{"n1", "n3"}
	leader := townOf(5)
	leader.Leaving = []raft.ServerID{"n1"}
	odd := townOf(3)
	odd.dies("n3", time.Hour)
	return map[string]Plan{
		"converged": five.Plan(townOf(5).State),
		"night":     Policy{TargetVoters: 7, MinVoters: 3, ClusterID: "prod"}.Plan(aNight().State),
		"restart":   Policy{TargetVoters: 3}.Plan(restart.State),
		"leader":    five.Plan(leader.State),
		"odd":       Policy{TargetVoters: 3}.Plan(odd.State),
	}
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", "plan", name)
	if *updatePlans {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err, "go test ./peers -run Golden -update-plans writes it")
	require.Equal(t, string(want), got)
}

func TestGoldenPlans(t *testing.T) {
	for name, plan := range goldenPlans() {
		requireGolden(t, name+".txt", plan.String())
		indented, err := json.MarshalIndent(plan, "", "  ")
		require.NoError(t, err)
		requireGolden(t, name+".json", string(indented)+"\n")
	}
}

// No id can write a line of its own into a plan, or be taken for another one.
func TestPlanTextIsOneLineAChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Change{
			Op:     Op(rapid.IntRange(0, 9).Draw(t, "op")),
			Server: raft.Server{ID: raft.ServerID(rapid.String().Draw(t, "id")), Address: raft.ServerAddress(rapid.String().Draw(t, "address"))},
		}
		line := c.String()
		require.NotContains(t, line, "\n")
		for _, r := range line {
			require.True(t, r >= ' ' && r <= '~', "%q", line)
		}
		require.Contains(t, line, quoted(string(c.Server.ID)))
	})
	require.Equal(t, `"n 1"`, quoted("n 1"))
	require.Equal(t, `""`, quoted(""))
	require.Equal(t, `- "a\n+ b" voter   0/0 -> 0/0`, Change{Op: Remove, Server: raft.Server{ID: "a\n+ b"}}.String())
}

func TestChangeJSONNamesSuffrages(t *testing.T) {
	b, err := json.Marshal(Change{Op: AddNonvoter, Server: raft.Server{ID: "n4", Address: "a:1", Suffrage: raft.Nonvoter}})
	require.NoError(t, err)
	require.Contains(t, string(b), `"server":{"id":"n4","address":"a:1","suffrage":"nonvoter"},"was":null`)
	require.False(t, bytes.Contains(b, []byte("Suffrage")))
	require.Equal(t, 1, strings.Count(string(b), `"server"`))
}

// Applying a change is what raft makes of it (configuration.go, nextConfiguration).
func TestApply(t *testing.T) {
	list := townOf(2).Servers
	n3 := raft.Server{ID: "n3", Address: "10.0.0.3:8300", Suffrage: raft.Nonvoter}
	moved := raft.Server{ID: "n2", Address: "10.0.0.9:8300"}
	require.Equal(t, []raft.Server{list[0], list[1], n3}, Change{Op: AddNonvoter, Server: n3}.Apply(list))
	require.Equal(t, []raft.Server{list[0], moved}, Change{Op: Readdress, Server: moved}.Apply(list))
	require.Equal(t, list[:1], Change{Op: Remove, Server: list[1]}.Apply(list))
	require.Equal(t, list, Change{Op: Remove, Server: n3}.Apply(list))
	require.Equal(t, list, Change{Op: Promote, Server: n3}.Apply(list), "who is not there gets no vote")
	require.Equal(t, list, Change{Op: Handover, Server: moved}.Apply(list))
	require.Equal(t, townOf(2).Servers, list)
}

// isPlain is only a shortcut.
func TestPlainAddressesAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching(`[a-zA-Z0-9._:\[\]-]{0,12}(:[0-9]{0,6})?`).Draw(t, "address")
		if isPlain(a) {
			host, port, err := splitAddress(a)
			if err == nil {
				require.Equal(t, a, host+":"+port)
			}
		}
	})
	require.True(t, isPlain("10.0.0.1:8300") && isPlain("n-1.example.com:1"))
	for _, a := range []string{"10.0.0.1:08300", "N1:1", "n1.:1", "[::1]:1", ":1", "n1", "n1:"} {
		require.False(t, isPlain(a), a)
	}
}
