// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// cityOf is converged: 7 voters or fewer, the rest nonvoters that would like to vote.
func cityOf(n int) State {
	s := townOf(min(n, 7))
	for i := len(s.Servers); i < n; i++ {
		id, a := s.nonvoter(i+1), raft.ServerAddress(fmt.Sprintf("10.0.%d.%d:8300", i/250, 1+i%250))
		s.Servers[i].Address, s.View.Members[i].Address = a, a
		s.says(id, func(r *Reply) { r.Address = a })
	}
	return s.State
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{5, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, p := cityOf(n), Policy{TargetVoters: min(n, 7)}
			b.ReportAllocs()
			for b.Loop() {
				if p.Plan(s).Next != nil {
					b.Fatal("not converged")
				}
			}
		})
	}
}

func TestPlanAllocatesLittle(t *testing.T) {
	for _, n := range []int{5, 100, 1000} {
		s, p := cityOf(n), Policy{TargetVoters: min(n, 7)}
		require.Nil(t, p.Plan(s).Next)
		require.LessOrEqual(t, testing.AllocsPerRun(10, func() { p.Plan(s) }), 20.0, n)
	}
}
