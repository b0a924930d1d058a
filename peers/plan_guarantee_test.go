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
)

func TestGuarantee1_NewcomerIsDeadUntilProven(t *testing.T) {
	for _, tc := range []struct {
		name  string
		doubt func(*town, raft.ServerID)
		want  Code
	}{
		{"no reply", func(s *town, id raft.ServerID) { delete(s.Replies, id) }, CodeNoReply},
		{"other reply", func(s *town, id raft.ServerID) { s.says(id, func(r *Reply) { r.ID = "n9" }) }, CodeWrongServer},
		{"foreign", func(s *town, id raft.ServerID) { s.says(id, func(r *Reply) { r.ClusterID = "other" }) }, CodeForeign},
		{"blank", func(s *town, id raft.ServerID) { s.says(id, func(r *Reply) { r.HasState = false }) }, CodeBlank},
		{"stopped", func(s *town, id raft.ServerID) { s.says(id, func(r *Reply) { r.Running = false }) }, CodeNotRunning},
		{"behind", func(s *town, id raft.ServerID) { s.says(id, func(r *Reply) { r.LastIndex = 1000 - 251 }) }, CodeLag},
		{"silent", func(s *town, id raft.ServerID) { s.Contact[id] = time.Millisecond }, CodeNoContact},
		{"young", func(s *town, id raft.ServerID) { s.member(id).Since = s.Now.Add(-9 * time.Second) }, CodeUnstable},
	} {
		s := townOf(3)
		id := s.nonvoter(4)
		p := Policy{TargetVoters: 5, ClusterID: "ours"}
		require.Equal(t, "promote n4", planned(p.Plan(s.State)), tc.name)
		tc.doubt(s, id)
		plan := p.Plan(s.State)
		require.Empty(t, planned(plan), tc.name)
		require.Equal(t, tc.want, blockedFor(plan, Promote, id), tc.name)
	}
}

func TestGuarantee1_NoChangeWithoutAQuorum(t *testing.T) {
	s := townOf(5)
	s.comes(6)
	for _, id := range []raft.ServerID{"n3", "n4"} {
		s.dies(id, time.Second)
	}
	require.Equal(t, "add n6", planned(five.Plan(s.State)))
	s.dies("n5", time.Second)
	plan := five.Plan(s.State)
	require.Empty(t, planned(plan))
	require.Equal(t, CodeNoQuorum, blockedFor(plan, AddNonvoter, "n6"))
	require.NotNil(t, findingIn(plan, CodeNoQuorum, ""))
}

func TestGuarantee1_NewcomersComeWithoutAVote(t *testing.T) {
	s := townOf(3)
	s.comes(4)
	plan := five.Plan(s.State)
	require.Equal(t, "add n4", planned(plan))
	require.Equal(t, raft.Nonvoter, plan.Next.Server.Suffrage)
	require.Equal(t, plan.Next.Before, plan.Next.After)
	require.Equal(t, "~ n4 nonvoter -> voter   3/3 -> 4/4   quorum 2 -> 3", plan.Then[0].String())
}

func TestGuarantee2_SlackNeverFalls(t *testing.T) {
	// Every other test counts it, too: requireOneStep.
	s := townOf(6)
	s.dies("n6", long)
	plan := five.Plan(s.State)
	require.Equal(t, "remove n6", planned(plan))
	require.Greater(t, plan.Next.After.Slack(), plan.Next.Before.Slack())
	// The same server is silent, called dead, and answers: nothing is taken.
	s.Replies["n6"] = Reply{ID: "n6", HasState: true, Running: true, LastIndex: 1000}
	require.Equal(t, CodeAnswers, blockedFor(requireKept(t, five, s), Remove, "n6"))
}

func TestGuarantee2_LeaveKeepsMinSlack(t *testing.T) {
	s := townOf(5)
	p := Policy{TargetVoters: 5, MinSlack: 1}
	v := p.Leave(s.State, "n5")
	require.Equal(t, MayLeave, v.Action)
	require.Equal(t, Tally{4, 4}, v.After)
	s.Leaving = []raft.ServerID{"n5", "n4"}
	v = p.Leave(s.State, "n5") // n4 goes at the same time
	require.Equal(t, StopOnly, v.Action, v.Why)
	require.Equal(t, CodeMinSlack, v.Code)
	require.Equal(t, Tally{4, 3}, v.After)
	s.Leaving = append(s.Leaving, "n3")
	require.Equal(t, MustStay, p.Leave(s.State, "n5").Action)
	requireKept(t, p, s)
}

func TestGuarantee3_OneEntryAChange(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 1))
	for range 300 {
		s := randomTown(dice)
		plan := five.Plan(s.State)
		if plan.Next == nil {
			require.Empty(t, plan.Then)
			continue
		}
		forecast := s.State
		for _, c := range append([]Change{*plan.Next}, plan.Then...) {
			requireOneStep(t, forecast, c)
			forecast.Servers = c.Apply(forecast.Servers)
		}
	}
}

func TestGuarantee4_NeverBelowMinVoters(t *testing.T) {
	s := townOf(4)
	s.dies("n4", long)
	require.Equal(t, "remove n4", planned(five.Plan(s.State))) // q(5) = 3
	p := Policy{TargetVoters: 5, MinVoters: 4}
	require.Equal(t, CodeMinVoters, blockedFor(requireKept(t, p, s), Remove, "n4"))
	require.Equal(t, StopOnly, p.Leave(s.State, "n4").Action)

	s = townOf(2)
	s.Leaving = []raft.ServerID{"n2"}
	plan := requireKept(t, Policy{}, s)
	require.Equal(t, CodeMinVoters, blockedFor(plan, Remove, "n2"))

	s = townOf(4) // the promise holds for a voter that lost its disk, too
	s.says("n4", func(r *Reply) { r.HasState = false })
	require.Equal(t, "demote n4", planned(five.Plan(s.State)))
	require.Equal(t, CodeMinVoters, blockedFor(requireKept(t, p, s), Demote, "n4"))
}

func TestGuarantee5_TwoWitnesses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*town)
		goes   bool
	}{
		{"both", func(*town) {}, true},
		{"raft hears it", func(s *town) { delete(s.Contact, "n4") }, false},
		{"raft missed it just now", func(s *town) { s.Contact["n4"] = time.Minute - 1 }, false},
		{"failed just now", func(s *town) { s.member("n4").Since = s.Now.Add(1 - time.Minute) }, false},
		{"left", func(s *town) { s.member("n4").Health = Left }, true},
		{"forced to leave", func(s *town) { s.member("n4").Health, s.member("n4").Forced = Left, true }, true},
		{"alive", func(s *town) { s.member("n4").Health = Alive }, false},
		{"unknown", func(s *town) { s.member("n4").Health = Unknown }, false},
		{"absent for long", func(s *town) { s.unseen("n4") }, true},
		{"absent for less", func(s *town) { s.unseen("n4"); s.Contact["n4"] = 10*time.Minute - 1 }, false},
		{"not warm", func(s *town) { s.View.Warm = false }, false},
		{"absent, not warm", func(s *town) { s.unseen("n4"); s.View.Warm = false }, false},
		{"who looks is not seen", func(s *town) { s.unseen("n1") }, false},
		{"who looks is not alive", func(s *town) { s.member("n1").Health = Failed }, false},
		{"most are absent", func(s *town) { s.unseen("n2"); s.unseen("n3"); s.unseen("n4") }, false},
		{"another one answers", func(s *town) { s.Replies["n4"] = Reply{ID: "n9"} }, false},
	} {
		s := townOf(4)
		s.dies("n4", long)
		tc.change(s)
		want := ""
		if tc.goes {
			want = "remove n4"
		}
		require.Equal(t, want, planned(five.Plan(s.State)), tc.name)
	}
}

func TestGuarantee6_LeaderHandsOver(t *testing.T) {
	s := townOf(5)
	s.Leaving = []raft.ServerID{"n1"}
	s.says("n4", func(r *Reply) { r.LastIndex = 1001 }) // it knows most
	plan := five.Plan(s.State)
	require.Equal(t, "handover n4", planned(plan))
	require.Equal(t, plan.Next.Before, plan.Next.After)
	require.Equal(t, s.Servers, plan.Next.Apply(s.Servers))
	require.Equal(t, raft.ServerID("n4"), five.Leave(s.State, "n1").To)
	s.Local, s.Leaving = "n4", []raft.ServerID{"n1"}
	require.Equal(t, "remove n1", planned(five.Plan(s.State)))
}

func TestGuarantee6_LeaderNeverGoesByItsOwnEvidence(t *testing.T) {
	s := townOf(4)
	s.dies("n1", long) // says the view of n1
	s.says("n1", func(r *Reply) { r.HasState = false })
	requireKept(t, five, s)
	s = townOf(4)
	s.says("n1", func(r *Reply) { *r = Reply{ID: "n1"} })
	s.Known["n1"] = 1000
	requireKept(t, five, s)
	for _, id := range []raft.ServerID{"n2", "n3", "n4"} {
		s.Leaving = append(s.Leaving, id, "n1") // nobody is left to lead
	}
	requireKept(t, five, s)
}

// Whatever part of the view is missing or wrong, and whoever is silent: if more than a
// minority looks dead, none goes.
func TestGuarantee7_MassSuspicion(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for dead := range 1 << (n - 1) { // n1 looks
			for _, how := range []func(*town, raft.ServerID){
				func(s *town, id raft.ServerID) { s.dies(id, long) },
				func(s *town, id raft.ServerID) { s.unseen(id); s.silent(id, long) },
			} {
				s, count := townOf(n), 0
				for i := range n - 1 {
					if dead&(1<<i) != 0 {
						how(s, townID(i+2))
						count++
					}
				}
				if count > (n-1)/2 {
					requireKept(t, Policy{TargetVoters: n, MinVoters: 1}, s)
				}
			}
		}
	}
}

func TestGuarantee7_MostOfManyStayWhenTheyAreHeard(t *testing.T) {
	s := townOf(9)
	for i := 4; i <= 9; i++ {
		s.unseen(townID(i)) // the seed's "3 of 9 healthy voters shown"
	}
	plan := requireKept(t, Policy{TargetVoters: 9, MinVoters: 1}, s)
	require.Nil(t, plan.Next)
	require.Empty(t, plan.Then)
	require.Equal(t, Tally{9, 9}, plan.Tally)
	s.View.Members = nil
	require.Nil(t, requireKept(t, Policy{TargetVoters: 9, MinVoters: 1}, s).Next)
}

func TestGuarantee8_RemovalsKeepADistance(t *testing.T) {
	s := townOf(6)
	s.dies("n6", long)
	s.Removals = []time.Time{s.Now.Add(1 - time.Minute)}
	plan := requireKept(t, five, s)
	require.Equal(t, CodeRate, blockedFor(plan, Remove, "n6"))
	require.Equal(t, time.Nanosecond, plan.Recheck)
	s.Removals[0] = s.Now.Add(-time.Minute)
	require.Equal(t, "remove n6", planned(five.Plan(s.State)))

	// 6 now and 3 before: a minority of 9 is 4, of 8 it is 3.
	s.Removals = []time.Time{s.Now.Add(-9 * time.Minute), s.Now.Add(-8 * time.Minute), s.Now.Add(-7 * time.Minute)}
	require.Equal(t, "remove n6", planned(five.Plan(s.State)))
	s = townOf(4)
	s.dies("n4", long)
	s.Removals = []time.Time{s.Now.Add(-9 * time.Minute), s.Now.Add(-8 * time.Minute)}
	require.Equal(t, CodeRate, blockedFor(requireKept(t, five, s), Remove, "n4"))
	require.Equal(t, time.Minute, five.Plan(s.State).Recheck)
	s.pass(time.Minute)
	require.Equal(t, "remove n4", planned(five.Plan(s.State)))
}

func TestGuarantee8_NewLeaderWaits(t *testing.T) {
	s := townOf(6)
	s.dies("n6", long)
	s.Leading = time.Minute - time.Second
	plan := requireKept(t, five, s)
	require.Equal(t, CodeNewLeader, blockedFor(plan, Remove, "n6"))
	require.Equal(t, time.Second, plan.Recheck)
	s.pass(time.Second)
	require.Equal(t, "remove n6", planned(five.Plan(s.State)))
}

func TestGuarantee9_NoAddressTwice(t *testing.T) {
	for _, a := range []raft.ServerAddress{"10.0.0.2:8300", "[::ffff:10.0.0.2]:8300", "10.0.0.2:08300"} {
		s := townOf(3)
		s.comes(4)
		s.member("n4").Address = a // n2 is there, and alive
		plan := five.Plan(s.State)
		require.Nil(t, plan.Next, a)
		require.Equal(t, CodeDuplicate, blockedFor(plan, AddNonvoter, "n4"))
		require.NotNil(t, findingIn(plan, CodeDuplicate, "n2"))
	}
	s := townOf(3)
	s.comes(4)
	s.View.Members = append(s.View.Members, Member{ID: "n4", Address: "10.0.0.5:8300", Health: Alive})
	require.Nil(t, five.Plan(s.State).Next)
	s = townOf(3)
	s.View.Members = append(s.View.Members, Member{ID: "n3", Address: "10.0.0.3:8300", Health: Failed})
	s.silent("n3", long)
	require.NotNil(t, findingIn(requireKept(t, five, s), CodeDuplicate, "n3"))
}

// Every permutation of the addresses of up to five servers is reached, and nobody
// loses a vote or an entry on the way.
func TestGuarantee9_EveryPermutationOfAddresses(t *testing.T) {
	for n := 3; n <= 5; n++ {
		permutations(n, func(to []int) {
			s := townOf(n)
			moved := 0
			for i, j := range to {
				if i != j {
					s.moves(townID(i+1), j+1)
					moved++
				}
			}
			lines := s.settles(t, Policy{TargetVoters: n})
			require.LessOrEqual(t, len(lines), moved+moved/2, "%v", lines)
			for i, j := range to {
				require.Equal(t, raft.Server{ID: townID(i + 1), Address: townAddress(j + 1)}, s.Servers[i])
			}
		})
	}
}

func permutations(n int, f func([]int)) {
	var grow func([]int)
	grow = func(done []int) {
		if len(done) == n {
			f(done)
			return
		}
		for i := range n {
			if !slices.Contains(done, i) {
				grow(append(slices.Clone(done), i))
			}
		}
	}
	grow(nil)
}

func TestGuarantee10_StrangersStayOut(t *testing.T) {
	others := []raft.Server{{ID: "n4", Address: "10.0.0.4:8300"}, {ID: "x2", Address: "10.9.9.2:8300"}}
	for name, reply := range map[string]func(*Reply){
		"another cluster":          func(r *Reply) { r.ClusterID = "theirs" },
		"another list, same index": func(r *Reply) { r.ConfigIndex, r.Servers = 7, others },
	} {
		p := Policy{TargetVoters: 5, ClusterID: "ours"}
		s := townOf(3)
		s.comes(4)
		s.says("n4", reply)
		plan := p.Plan(s.State)
		require.Nil(t, plan.Next, name)
		require.Equal(t, CodeForeign, blockedFor(plan, AddNonvoter, "n4"), name)

		s = townOf(3)
		s.nonvoter(4)
		s.says("n4", reply)
		plan = p.Plan(s.State)
		require.Nil(t, plan.Next, name)
		require.Equal(t, CodeForeign, blockedFor(plan, Promote, "n4"), name)

		s = townOf(4)
		s.says("n4", reply)
		plan = requireKept(t, p, s)
		require.Equal(t, Tally{Voters: 4, Live: 3}, plan.Tally, name)
		require.NotNil(t, findingIn(plan, CodeForeign, "n4"), name)
		s.moves("n4", 9)
		require.Equal(t, CodeForeign, blockedFor(p.Plan(s.State), Readdress, "n4"), name)
	}
}

// F10: two servers bootstrapped alone. To add one to the other corrupts silently (X9c).
func TestGuarantee10_OwnBootstrapStaysOut(t *testing.T) {
	s := townOf(1)
	s.comes(2)
	s.says("n2", func(r *Reply) { r.ConfigIndex, r.Servers = 1, []raft.Server{{ID: "n2", Address: "10.0.0.2:8300"}} })
	plan := five.Plan(s.State)
	require.Equal(t, CodeForeign, blockedFor(plan, AddNonvoter, "n2"))
	require.Nil(t, plan.Next)
	s.says("n2", func(r *Reply) { r.Servers = append(r.Servers, s.Servers[0]) }) // it was one of ours
	require.Equal(t, "add n2", planned(five.Plan(s.State)))
}

func TestGuarantee10_MemberContradictsItself(t *testing.T) {
	s := townOf(3)
	s.comes(4)
	s.member("n4").ClusterID = "theirs"
	require.Equal(t, "add n4", planned(five.Plan(s.State)), "one name contradicts nothing")
	s.says("n4", func(r *Reply) { r.ClusterID = "ours" })
	require.Equal(t, CodeForeign, blockedFor(five.Plan(s.State), AddNonvoter, "n4"))
}

func TestGuarantee11_LostDisk(t *testing.T) {
	s := townOf(5)
	s.says("n5", func(r *Reply) { r.HasState, r.Running, r.LastIndex = false, false, 0 })
	plan := five.Plan(s.State)
	require.Equal(t, Tally{Voters: 5, Live: 4}, plan.Tally)
	require.Equal(t, "~ n5 voter -> nonvoter   4/5 -> 4/4", plan.Next.String())
	require.NotNil(t, findingIn(plan, CodeLostDisk, "n5"))

	s.Servers = plan.Next.Apply(s.Servers)
	require.Equal(t, CodeBlank, blockedFor(five.Plan(s.State), Promote, "n5"))
	s.Known["n5"] = 1000
	s.says("n5", func(r *Reply) { r.HasState, r.Running, r.LastIndex = true, true, 999 })
	require.Equal(t, CodeLostDisk, blockedFor(five.Plan(s.State), Promote, "n5"))
	s.says("n5", func(r *Reply) { r.LastIndex = 1000 })
	require.Equal(t, "promote n5", planned(five.Plan(s.State)))
}

func TestGuarantee11_FewerEntriesThanItOnceHad(t *testing.T) {
	s := townOf(5)
	s.Known["n5"] = 1000
	require.Nil(t, five.Plan(s.State).Next)
	s.says("n5", func(r *Reply) { r.LastIndex = 999 })
	require.Equal(t, "demote n5", planned(five.Plan(s.State)))
	require.Equal(t, CodeTarget, blockedFor(requireKept(t, Policy{}, s), Demote, "n5"))
	s.Leading = time.Second
	require.Equal(t, CodeNewLeader, blockedFor(requireKept(t, five, s), Demote, "n5"))
}

func TestGuarantee12_ConvergedIsLeftAlone(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for _, p := range []Policy{{}, {TargetVoters: n}, {TargetVoters: n, ClusterID: "c"}} {
			s := townOf(n)
			spare := s.nonvoter(n + 1)
			s.member(spare).Nonvoter = true
			plan := p.Plan(s.State)
			require.Nil(t, plan.Next)
			require.Empty(t, plan.Then)
			require.Empty(t, plan.Blocked)
			require.Zero(t, plan.Recheck)
			s.member("n1").Address = "[::ffff:10.0.0.1]:08300" // another spelling is no move
			s.says("n1", func(r *Reply) { r.Address = "" })
			require.Nil(t, p.Plan(s.State).Next)
		}
	}
}

func TestGuarantee13_ThreeAreNeverCutToTwo(t *testing.T) {
	for _, p := range []Policy{{TargetVoters: 3}, {TargetVoters: 3, MinVoters: 1}} {
		s := townOf(3)
		s.dies("n3", long)
		require.Equal(t, CodeParity, blockedFor(requireKept(t, p, s), Remove, "n3"))
		s.comes(4) // a replacement comes first
		require.Equal(t, []string{
			"+ n4 nonvoter   2/3 -> 2/3",
			"~ n4 nonvoter -> voter   2/3 -> 3/4   quorum 2 -> 3",
			"- n3 voter   3/4 -> 3/3   quorum 3 -> 2",
		}, s.settles(t, p))
	}
}

func TestGuarantee13_PairsGo(t *testing.T) {
	s := townOf(5)
	s.dies("n5", long)
	require.Equal(t, CodeParity, blockedFor(requireKept(t, five, s), Remove, "n5"))
	s.dies("n4", long)
	require.Equal(t, []string{
		"- n4 voter   3/5 -> 3/4",
		"- n5 voter   3/4 -> 3/3   quorum 3 -> 2",
	}, s.settles(t, five))
	s = townOf(5)
	s.dies("n5", long)
	s.dies("n4", long)
	p := Policy{TargetVoters: 5, MinVoters: 4} // the second could not go
	require.Equal(t, CodeParity, blockedFor(requireKept(t, p, s), Remove, "n5"))
}
