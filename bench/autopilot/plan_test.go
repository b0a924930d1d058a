// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package autopilot

import (
	"fmt"
	"testing"

	"github.com/hashicorp/go-hclog"
	ap "github.com/hashicorp/raft-autopilot"

	"github.com/raftkeel/raftkeel/peers"
)

// BenchmarkPlan compares what it costs to decide about a healthy cluster of which 7
// servers vote. autopilot: what its public API reaches, the next state and its promoter;
// the search for failed servers, which Plan includes, comes on top. Both are given
// what was gathered; autopilot's delegate fills its maps from it, as any delegate does,
// and "inputs" is what that alone costs.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{5, 100, 1000} {
		g := newGroup(n, 7, n, 3)
		b.Run(fmt.Sprintf("%d/autopilot", n), func(b *testing.B) {
			pilot := ap.New(g, g, ap.WithLogger(hclog.NewNullLogger()))
			promoter := ap.DefaultPromoter()
			b.ReportAllocs()
			for b.Loop() {
				state, err := pilot.ComputeState(b.Context())
				if err != nil || !state.Healthy {
					b.Fatal(err, "not healthy")
				}
				if c := promoter.CalculatePromotionsAndDemotions(g.conf, state); len(c.Demotions) > 0 {
					b.Fatal(c)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/inputs", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(g.FetchServerStats(b.Context(), g.KnownServers())) != n {
					b.Fatal("not all")
				}
			}
		})
		b.Run(fmt.Sprintf("%d/peers", n), func(b *testing.B) {
			policy, state := peers.Policy{TargetVoters: min(n, 7)}, g.state()
			b.ReportAllocs()
			for b.Loop() {
				if plan := policy.Plan(state); plan.Next != nil || plan.Tally.Live != min(n, 7) {
					b.Fatalf("%+v", plan)
				}
			}
		})
	}
}
