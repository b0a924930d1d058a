// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// The tests here carry the rows of the catalogue of outages that they are about.

func TestF1_ListsThatDifferAreExplained(t *testing.T) {
	s := townOf(5)
	s.dies("n5", long) // in the list, gone
	s.silent("n4", 0)  // in the list, heard by raft,
	s.unseen("n4")     // and not by discovery
	s.comes(6)         // new
	s.comes(7)         // new, and says nothing
	s.moves("n3", 9)   // elsewhere
	delete(s.Replies, "n7")
	plan := five.Plan(s.State)
	require.Equal(t, "readdress n3", planned(plan))
	require.Equal(t, []string{
		"+ n6 nonvoter   4/5 -> 4/5",
		"~ n6 nonvoter -> voter   4/5 -> 5/6   quorum 3 -> 4",
		"- n5 voter   5/6 -> 5/5   quorum 4 -> 3",
	}, linesOf(plan.Then))
	require.Equal(t, CodeNoReply, blockedFor(plan, AddNonvoter, "n7"))
	require.Contains(t, findingIn(plan, CodeNotLive, "n5").Detail, "raft has had no answer for 1h0m0s; discovery has called it failed")

	s = townOf(3) // disjoint: everybody is unknown to the other side
	s.View.Members = nil
	s.comes(7)
	require.Equal(t, "add n7", planned(requireKept(t, five, s)))
}

func linesOf(changes []Change) []string {
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = c.String()
	}
	return lines
}

func TestF2_GhostIsRemovable(t *testing.T) {
	s := townOf(4)
	s.unseen("n4") // reaped: no force-leave can find it
	s.silent("n4", 9*time.Minute)
	plan := requireKept(t, five, s)
	require.Equal(t, time.Minute, plan.Recheck)
	s.pass(plan.Recheck)
	require.Equal(t, "- n4 voter   3/4 -> 3/3   quorum 3 -> 2", five.Plan(s.State).Next.String())
	s.silent("n4", time.Second) // a person knows better, and says that it is gone
	s.Leaving = []raft.ServerID{"n4"}
	require.Equal(t, "remove n4", planned(five.Plan(s.State)))
}

func TestF8_EveryMissingServerIsNamed(t *testing.T) {
	s := townOf(3)
	for i := 4; i <= 7; i++ {
		s.comes(i)
	}
	delete(s.Replies, "n6")
	plan := Policy{TargetVoters: 7}.Plan(s.State)
	for i := 4; i <= 7; i++ {
		require.NotNil(t, findingIn(plan, CodeMissing, townID(i)), i)
	}
	require.Equal(t, []string{
		"+ n4 nonvoter   3/3 -> 3/3",
		"+ n5 nonvoter   3/3 -> 3/3",
		"+ n7 nonvoter   3/3 -> 3/3",
		"~ n4 nonvoter -> voter   3/3 -> 4/4   quorum 2 -> 3",
		"~ n5 nonvoter -> voter   4/4 -> 5/5",
		"~ n7 nonvoter -> voter   5/5 -> 6/6   quorum 3 -> 4",
	}, append([]string{plan.Next.String()}, linesOf(plan.Then)...))
	require.Equal(t, CodeNoReply, blockedFor(plan, AddNonvoter, "n6"))
}

func TestF17_FindingsSayWhatWasSeenAndForHowLong(t *testing.T) {
	for health, want := range map[Health]string{
		Failed:  "discovery has called it failed for 1m30s",
		Left:    "discovery has called it left for 1m30s",
		Leaving: "discovery has called it leaving for 1m30s",
		Unknown: "discovery has called it unknown for 1m30s",
	} {
		s := townOf(5)
		s.dies("n5", 90*time.Second)
		s.member("n5").Health = health
		require.Contains(t, findingIn(five.Plan(s.State), CodeNotLive, "n5").Detail, want)
		s.member("n5").Forced = true
		require.Contains(t, findingIn(five.Plan(s.State), CodeNotLive, "n5").Detail, "because somebody else said so")
	}
	s := townOf(5) // a list of servers has no times
	s.dies("n5", 90*time.Second)
	s.member("n5").Health, s.member("n5").Since = Unknown, time.Time{}
	require.Contains(t, findingIn(five.Plan(s.State), CodeNotLive, "n5").Detail, "discovery calls it unknown, and not since when")
}

func TestF18_ReturningLeaverStartsAfresh(t *testing.T) {
	s := townOf(3)
	id := s.comes(4)
	s.member(id).Health = Left
	require.Nil(t, five.Plan(s.State).Next, "who left is not taken in again")
	s.member(id).Health = Leaving
	require.Nil(t, five.Plan(s.State).Next)
	s.member(id).Health = Alive
	s.says(id, func(r *Reply) { r.Leaving = true })
	require.Nil(t, five.Plan(s.State).Next)
	s.says(id, func(r *Reply) { r.Leaving = false })
	s.member(id).Since = s.Now
	require.Equal(t, "add n4", planned(five.Plan(s.State)))
	s.does(*five.Plan(s.State).Next)
	plan := five.Plan(s.State)
	require.Equal(t, CodeUnstable, blockedFor(plan, Promote, id))
	require.Equal(t, 10*time.Second, plan.Recheck)
}

func TestF20_FiveStayFive(t *testing.T) {
	s := townOf(5)
	s.dies("n5", long)
	require.Equal(t, CodeParity, blockedFor(requireKept(t, five, s), Remove, "n5"))
	s.dies("n4", long)
	s.dies("n3", long) // one more and it would be a majority
	require.Equal(t, CodeMassSuspicion, blockedFor(requireKept(t, five, s), Remove, "n3"))
	s = townOf(5)
	s.dies("n4", long)
	s.dies("n5", long)
	s.settles(t, five)
	require.Len(t, s.Servers, 3)
	s.dies("n3", long) // never below the quorum of five
	require.Empty(t, s.settles(t, five))
}

func TestF21_RebootsCostNoVote(t *testing.T) {
	for n := 3; n <= 7; n++ {
		p, s := Policy{TargetVoters: n}, townOf(n)
		for i := 2; i <= n; i++ {
			s.dies(townID(i), 59*time.Second)
			requireKept(t, p, s)
			delete(s.Contact, townID(i))
			s.unseen(townID(i))
			s.comes(i)
			require.Nil(t, p.Plan(s.State).Next)
		}
	}
}

func TestF22_SixVotersFiveAlive(t *testing.T) {
	s := townOf(6)
	s.dies("n6", 2*time.Minute)
	s.comes(7) // the next replacement is there already
	plan := five.Plan(s.State)
	require.Equal(t, Tally{Voters: 6, Live: 5}, plan.Tally)
	require.Contains(t, findingIn(plan, CodeNotLive, "n6").Detail, "no answer for 2m0s")
	require.Equal(t, []string{
		"+ n7 nonvoter   5/6 -> 5/6",
		"- n6 voter   5/6 -> 5/5   quorum 4 -> 3",
	}, s.settles(t, five), "six voters are enough: the newcomer waits without a vote")
	s = townOf(4)
	s.dies("n4", time.Second)
	require.NotNil(t, findingIn(five.Plan(s.State), CodeNoSlack, ""))
}

func TestF23_NewcomersAreNotPruned(t *testing.T) {
	s := townOf(3)
	id := s.nonvoter(4)
	s.silent(id, 59*time.Second) // it starts, and raft does not reach it yet
	for _, h := range []Health{Alive, Failed, Unknown} {
		s.member(id).Health, s.member(id).Since = h, s.Now.Add(-59*time.Second)
		require.Nil(t, requireKept(t, five, s).Next, h)
	}
	s.unseen(id)
	require.Nil(t, requireKept(t, five, s).Next)
	s.silent(id, 10*time.Minute)
	require.Equal(t, "remove n4", planned(five.Plan(s.State)), "who never came goes in the end")
	require.Equal(t, CodeTarget, blockedFor(requireKept(t, Policy{}, s), Remove, id))
}

func TestF26_WhyNotPromotedInNumbers(t *testing.T) {
	s := townOf(3)
	id := s.nonvoter(4)
	for _, tc := range []struct {
		why string
		f   func()
	}{
		{"it has been alive for 3s, and must be for 10s", func() { s.member(id).Since = s.Now.Add(-3 * time.Second) }},
		{"raft has had no answer for 2s", func() { s.Contact[id] = 2 * time.Second }},
		{"it lacks 251 entries: it has 749 of 1000, at most 250 may be missing", func() { s.says(id, func(r *Reply) { r.LastIndex = 749 }) }},
		{`its cluster ID is "b", not "a"`, func() { s.says(id, func(r *Reply) { r.ClusterID = "b" }); s.member(id).ClusterID = "a" }},
	} {
		tc.f()
		plan := five.Plan(s.State)
		require.Equal(t, tc.why, plan.Blocked[0].Why)
		require.Contains(t, plan.String(), "! ~ n4 nonvoter -> voter   "+string(plan.Blocked[0].Code)+": "+tc.why+"\n")
	}
}

// F28: two entries, one process. raft counts it twice; we do not, and take nothing away
// while it is not known who lives.
func TestF28_AliasCountsOnce(t *testing.T) {
	s := townOf(6)
	s.Servers[4].Address = "[::ffff:10.0.0.4]:8300"
	s.member("n5").Address = "10.0.0.4:8300"
	s.dies("n6", long)
	plan := requireKept(t, five, s)
	require.Equal(t, Tally{Voters: 6, Live: 4}, plan.Tally)
	require.Contains(t, findingIn(plan, CodeDuplicate, "n5").Detail, `it and "n4" have one address`)
	require.Equal(t, CodeDuplicate, blockedFor(plan, Remove, "n6"))
	require.Nil(t, plan.Next)
	s.Servers[4].Address = "10.0.0.1:8300" // of who looks
	require.Equal(t, Tally{Voters: 6, Live: 4}, five.Plan(s.State).Tally)
}

func TestF29_SwappedAddresses(t *testing.T) {
	s := townOf(3)
	s.moves("n2", 3)
	s.moves("n3", 2)
	require.Equal(t, []string{
		"~ n2 10.0.0.2:8300 -> n2.parked.invalid:1   3/3 -> 2/3",
		"~ n3 10.0.0.3:8300 -> 10.0.0.2:8300   2/3 -> 2/3",
		"~ n2 n2.parked.invalid:1 -> 10.0.0.3:8300   2/3 -> 3/3",
	}, s.settles(t, five))

	s = townOf(3) // this server swapped: the other one is parked
	s.moves("n1", 3)
	s.moves("n3", 1)
	require.Equal(t, "park n3", planned(five.Plan(s.State)))

	s = townOf(4) // a nonvoter costs nothing
	s.Servers[3].Suffrage = raft.Nonvoter
	s.moves("n2", 4)
	s.moves("n4", 2)
	require.Equal(t, "park n4", planned(five.Plan(s.State)))

	s = townOf(4) // without slack a swap waits
	s.dies("n4", time.Second)
	s.moves("n2", 3)
	s.moves("n3", 2)
	plan := requireKept(t, five, s)
	require.Nil(t, plan.Next)
	require.Equal(t, CodeNoQuorum, blockedFor(plan, Park, "n2"))
}

func TestF29_AddressOfADeadServer(t *testing.T) {
	s := townOf(3)
	s.dies("n3", long)
	s.comes(4) // the same host, with a new id
	s.moves("n4", 3)
	require.Equal(t, []string{
		"~ n3 10.0.0.3:8300 -> n3.parked.invalid:1   2/3 -> 2/3",
		"+ n4 nonvoter   2/3 -> 2/3",
		"~ n4 nonvoter -> voter   2/3 -> 3/4   quorum 2 -> 3",
		"- n3 voter   3/4 -> 3/3   quorum 3 -> 2",
	}, s.settles(t, Policy{TargetVoters: 3}))

	s = townOf(3) // raft hears somebody there, and it is not n3
	s.unseen("n3")
	s.Replies["n3"] = Reply{ID: "n4"}
	s.comes(4)
	s.moves("n4", 3)
	plan := five.Plan(s.State)
	require.Equal(t, "park n3", planned(plan))
	require.Equal(t, Tally{Voters: 3, Live: 2}, plan.Tally)
	require.NotNil(t, findingIn(plan, CodeWrongServer, "n3"))

	s.silent("n3", 0) // raft hears it, and nobody knows better
	plan = requireKept(t, five, s)
	require.Nil(t, plan.Next)
	require.Equal(t, CodeAddressTaken, blockedFor(plan, AddNonvoter, "n4"))
}

func TestF29_NobodyIsParkedForAnAddressThatStaysTaken(t *testing.T) {
	s := townOf(5)
	s.moves("n2", 3) // n3 goes to where n4 is, which stays
	s.moves("n3", 4)
	s.unseen("n4")
	s.silent("n4", 0)
	plan := requireKept(t, five, s)
	require.Nil(t, plan.Next)
	require.Equal(t, CodeAddressTaken, blockedFor(plan, Readdress, "n2"))
	require.Equal(t, CodeAddressTaken, blockedFor(plan, Readdress, "n3"))
	s.moves("n2", 9) // a free one needs nobody's leave
	require.Equal(t, "readdress n2", planned(five.Plan(s.State)))
}

func TestF29_DiscoveryAloneMovesNobody(t *testing.T) {
	for want, doubt := range map[Code]func(*town){
		CodeNoReply:        func(s *town) { delete(s.Replies, "n2") },
		CodeWrongServer:    func(s *town) { s.Replies["n2"] = Reply{ID: "n9"} },
		CodeAddressDiffers: func(s *town) { s.says("n2", func(r *Reply) { r.Address = "10.0.0.2:8300" }) },
		CodeBadAddress:     func(s *town) { s.member("n2").Address = "0.0.0.0:1"; s.says("n2", func(r *Reply) { r.Address = "" }) },
	} {
		s := townOf(3)
		s.moves("n2", 9)
		doubt(s)
		plan := five.Plan(s.State)
		require.Nil(t, plan.Next, want)
		require.Equal(t, want, blockedFor(plan, Readdress, "n2"))
	}
}

func TestF30_WipedDiskComesBackWithoutAVote(t *testing.T) {
	s := townOf(3)
	s.says("n3", func(r *Reply) { r.HasState, r.Running, r.LastIndex = false, false, 0 })
	s.Known["n3"] = 1000
	require.Equal(t, []string{
		"~ n3 voter -> nonvoter   2/3 -> 2/2",
		"~ n3 nonvoter -> voter   2/2 -> 3/3",
	}, s.settles(t, Policy{TargetVoters: 3}))
}

func TestF32_GossipDownRaftUp(t *testing.T) {
	for n := 3; n <= 9; n++ {
		s := townOf(n)
		for i := 2; i <= n; i++ {
			m := s.member(townID(i))
			m.Health, m.Since = Failed, s.Now.Add(-24*time.Hour)
		}
		require.Nil(t, requireKept(t, Policy{TargetVoters: n, MinVoters: 1}, s).Next)
	}
}

func TestF33_AllDeadIsOnlySaid(t *testing.T) {
	s := townOf(5)
	s.comes(6)
	for i := 2; i <= 5; i++ {
		s.dies(townID(i), long)
	}
	plan := Policy{TargetVoters: 5, MinVoters: 1}.Plan(s.State)
	require.Nil(t, plan.Next)
	require.Empty(t, plan.Then)
	require.Equal(t, Critical, findingIn(plan, CodeNoQuorum, "").Severity)
	require.NotNil(t, findingIn(plan, CodeMassSuspicion, ""))
}

func TestF38_OneOfThreeDownStopsNoAddition(t *testing.T) {
	s := townOf(3)
	s.dies("n3", time.Second)
	s.comes(4)
	require.Equal(t, []string{
		"+ n4 nonvoter   2/3 -> 2/3",
		"~ n4 nonvoter -> voter   2/3 -> 3/4   quorum 2 -> 3",
	}, s.settles(t, five)[:2])
}

// A server that came back as a client is no member: the view lacks it, whatever it was.
func TestF39_ServerThatBecameAClient(t *testing.T) {
	s := townOf(4)
	s.member("n4").Health = Left // so says a source that saw the change of role
	require.Nil(t, five.Plan(s.State).Next)
	s.silent("n4", time.Minute)
	s.member("n4").Since = s.Now.Add(-time.Minute)
	require.Equal(t, "remove n4", planned(five.Plan(s.State)))
}

func TestF40_StuckLeaving(t *testing.T) {
	s := townOf(4)
	s.dies("n4", 10*time.Minute)
	s.member("n4").Health = Leaving
	plan := requireKept(t, five, s)
	require.Equal(t, time.Nanosecond, plan.Recheck)
	s.pass(1)
	require.Equal(t, "remove n4", planned(five.Plan(s.State)))
	s.Contact = nil // it says so, and works
	require.Nil(t, five.Plan(s.State).Next)
}

func TestReassertComesFirst(t *testing.T) {
	s := townOf(1)
	s.comes(2)
	s.Recovered = true
	plan := five.Plan(s.State)
	require.Equal(t, "= n1 voter 10.0.0.1:8300   1/1 -> 1/1", plan.Next.String())
	require.Equal(t, "add n2", planned(Plan{Next: &plan.Then[0]}))
}

func TestWhoHasNoVoteDecidesNothing(t *testing.T) {
	s := townOf(3)
	s.comes(4)
	s.Servers[0].Suffrage = raft.Nonvoter
	require.NotNil(t, findingIn(five.Plan(s.State), CodeNotVoter, "n1"))
	require.Nil(t, five.Plan(s.State).Next)
	require.Equal(t, MustStay, five.Leave(s.State, "n2").Action)
	s = townOf(3)
	s.comes(4)
	s.Servers = append(s.Servers, raft.Server{ID: "n2", Address: "10.0.0.9:8300"})
	require.NotNil(t, findingIn(five.Plan(s.State), CodeDuplicate, ""))
	require.Nil(t, five.Plan(s.State).Next)
	require.Nil(t, Policy{}.Plan(State{}).Next)
}

func TestPromoteIntoTheEmptiestZone(t *testing.T) {
	s := townOf(3)
	for i, zone := range []string{"a", "b", "b", "b", "c"} {
		if i >= 3 {
			s.nonvoter(i + 1)
		}
		s.View.Members[i].Zone = zone
	}
	require.Equal(t, "promote n5", planned(five.Plan(s.State)))
	s.View.Members[4].Zone = "b"
	require.Equal(t, "promote n4", planned(five.Plan(s.State)))
}

func TestTargetBoundsPromotions(t *testing.T) {
	s := townOf(3)
	s.nonvoter(4)
	require.Nil(t, Policy{TargetVoters: 3}.Plan(s.State).Next)
	require.Equal(t, "promote n4", planned(Policy{}.Plan(s.State)), "without a target everybody votes")
	s.member("n4").Nonvoter = true
	require.Nil(t, Policy{}.Plan(s.State).Next, "but who does not want to")
	s = townOf(5)
	require.NotNil(t, findingIn(requireKept(t, Policy{TargetVoters: 3}, s), CodeSurplus, ""))
}

func TestLeaveVerdicts(t *testing.T) {
	s := townOf(5)
	s.nonvoter(6)
	for _, tc := range []struct {
		id     raft.ServerID
		policy Policy
		action LeaveAction
		code   Code
	}{
		{"n5", five, MayLeave, CodeLeaving},
		{"n6", five, MayLeave, CodeLeaving},
		{"n7", five, StopOnly, CodeNotListed},
		{"n5", Policy{TargetVoters: 5, MinVoters: 5}, StopOnly, CodeMinVoters},
		{"n5", Policy{TargetVoters: 5, MinSlack: 2}, StopOnly, CodeMinSlack},
	} {
		v := tc.policy.Leave(s.State, tc.id)
		require.Equal(t, tc.action, v.Action, "%v: %v", tc.id, v.Why)
		require.Equal(t, tc.code, v.Code)
	}
	require.Equal(t, CodeLastVoter, five.Leave(townOf(1).State, "n1").Code)
	s = townOf(3)
	s.dies("n3", time.Second)
	require.Equal(t, StopOnly, Policy{MinVoters: 3}.Leave(s.State, "n2").Action)
	require.Equal(t, MustStay, Policy{}.Leave(s.State, "n2").Action, "the quorum would be gone with it")
	require.Equal(t, MayLeave, Policy{}.Leave(s.State, "n3").Action, "a person may say that a dead one is gone")
}

// F3: all are stopped at once, and each was told to leave: whatever the order, the
// list keeps MinVoters.
func TestGuarantee4_F3_LeaveOfEverybody(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for together := range 2 {
			p, s := Policy{TargetVoters: n}, townOf(n)
			if together == 1 {
				for i := range n {
					s.Leaving = append(s.Leaving, townID(i+1))
				}
			}
			for i := n; i > 1; i-- {
				s.Leaving = append(s.Leaving, townID(i))
				s.settles(t, p)
			}
			if together == 1 {
				require.Len(t, s.Servers, n, "all at once is a restart, not a leave")
			}
			require.GreaterOrEqual(t, len(s.Servers), n/2+1)
		}
	}
}

// randomTown is a group in which anything may be wrong.
func randomTown(dice *rand.Rand) *town {
	s := townOf(1 + dice.IntN(6))
	for i := len(s.Servers); dice.IntN(3) > 0; i++ {
		[]func(int) raft.ServerID{s.nonvoter, s.comes}[dice.IntN(2)](i + 1)
	}
	s.Leading = time.Duration(dice.IntN(90)) * time.Second
	ago := func() time.Duration { return time.Duration(dice.IntN(700)) * time.Second }
	for i := 1; i < len(s.View.Members); i++ {
		m := &s.View.Members[i]
		m.Since = s.Now.Add(-ago() / 10)
		switch dice.IntN(8) {
		case 0, 1:
			s.dies(m.ID, ago())
		case 2:
			s.silent(m.ID, ago())
		case 3:
			s.moves(m.ID, 1+dice.IntN(9))
		case 4:
			s.says(m.ID, func(r *Reply) { r.LastIndex, r.Leaving = uint64(700+dice.IntN(300)), dice.IntN(2) == 0 })
		case 5:
			m.Health = Health(dice.IntN(5))
		}
	}
	for range dice.IntN(3) {
		s.Removals = append(s.Removals, s.Now.Add(-ago()))
	}
	for _, gone := range s.View.Members[1:] {
		if dice.IntN(9) == 0 {
			s.unseen(gone.ID)
		}
	}
	return s
}

// Recheck is the truth: before that the next change is the same one.
func TestRecheckIsNotTooLate(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	changed := 0
	for i := range 3000 {
		s := randomTown(dice)
		plan := five.Plan(s.State)
		if plan.Next != nil {
			continue
		}
		wait := plan.Recheck - 1
		if plan.Recheck == 0 {
			wait = 24 * time.Hour
		}
		s.pass(time.Duration(dice.Float64() * float64(wait)))
		require.Nil(t, five.Plan(s.State).Next, "town %d: %v after less than %v", i, five.Plan(s.State), plan.Recheck)
		if plan.Recheck > 0 {
			s.pass(plan.Recheck)
			if five.Plan(s.State).Next != nil {
				changed++
			}
		}
	}
	require.Greater(t, changed, 20, "it is never of use")
}

func TestPlanSettles(t *testing.T) {
	dice := rand.New(rand.NewPCG(2, 2))
	steps := 0
	for range 1500 {
		steps += len(randomTown(dice).settles(t, Policy{TargetVoters: 1 + 2*dice.IntN(3)}))
	}
	require.Greater(t, steps, 1500)
}

func TestPlanDoesNotChangeTheState(t *testing.T) {
	dice := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		s := randomTown(dice)
		before := fmt.Sprintf("%+v", s.State)
		five.Plan(s.State)
		five.Leave(s.State, "n1")
		require.Equal(t, before, fmt.Sprintf("%+v", s.State))
	}
}

// Replies speak of the list as it is. In a forecast that is ahead of it nobody becomes a
// stranger by that.
func TestForecastKeepsTheListThatRepliesSpeakOf(t *testing.T) {
	s := townOf(3)
	s.comes(4)
	for id := range s.Replies {
		s.says(id, func(r *Reply) { r.ConfigIndex, r.Servers = 7, s.Servers })
	}
	s.comes(5)
	s.says("n5", func(r *Reply) { r.ConfigIndex, r.Servers = 7, s.Servers[:2] })
	require.Equal(t, []string{"~ n4 nonvoter -> voter   3/3 -> 4/4   quorum 2 -> 3"}, linesOf(five.Plan(s.State).Then))
}
