// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// checkPolicy and checkState are the ground of the rows below: the voters n0 (who leads)
// to n2 live, the voter n3 is dead, the nonvoter n4 is proven, and n5 is blank and wants in.
func checkPolicy() Policy { return Policy{TargetVoters: 4, ClusterID: "c1"} }

func checkState() State {
	s := State{
		Now: diceEpoch, Local: "n0", Leading: time.Hour, ConfigIndex: 50, LastIndex: 1000,
		View:    View{Warm: true, Taken: diceEpoch},
		Contact: map[raft.ServerID]time.Duration{"n3": time.Hour},
		Replies: map[raft.ServerID]Reply{}, Known: map[raft.ServerID]uint64{},
	}
	for i := range 5 {
		s.Servers = append(s.Servers, diceServer(i, raft.Voter))
	}
	s.Servers[4].Suffrage = raft.Nonvoter
	for i := range 6 {
		e := diceServer(i, raft.Voter)
		s.View.Members = append(s.View.Members, Member{ID: e.ID, Address: e.Address, Health: Alive, Since: diceEpoch.Add(-time.Hour)})
		s.Replies[e.ID] = Reply{ID: e.ID, Address: e.Address, ClusterID: "c1", HasState: true, LastIndex: 1000, Running: true, Servers: s.Servers, ConfigIndex: 50}
	}
	s.View.Members[3].Health = Failed
	delete(s.Replies, "n3")
	s.Replies["n5"] = Reply{ID: "n5", Address: "10.0.0.5:8300"}
	return s
}

// say changes what a server said of itself.
func (s State) say(id raft.ServerID, f func(*Reply)) {
	r := s.Replies[id]
	f(&r)
	s.Replies[id] = r
}

// checkRow is a change that is safe until the state or the change is altered.
type checkRow struct {
	name  string
	alter func(s *State, c *Change)
	want  Invariant
}

func runCheckRows(t *testing.T, p Policy, ground func() (State, Change), rows []checkRow) {
	t.Helper()
	s, c := ground()
	require.NoError(t, p.Check(s, c), "the ground itself")
	for _, row := range rows {
		s, c := ground()
		row.alter(&s, &c)
		err := p.Check(s, c)
		require.ErrorIs(t, err, ErrUnsafe, row.name)
		var unsafe *UnsafeError
		require.ErrorAs(t, err, &unsafe, row.name)
		require.Equal(t, row.want, unsafe.Invariant, "%s: %v", row.name, err)
		require.Equal(t, c.Server.ID, unsafe.Server, row.name)
	}
}

func TestGuarantee14_RemovalOfADeadVoter(t *testing.T) {
	ground := func() (State, Change) {
		return checkState(), Change{Op: Remove, Server: diceServer(3, raft.Voter), Was: diceServer(3, raft.Voter), Before: Tally{4, 3}, After: Tally{3, 3}}
	}
	const ns = time.Nanosecond
	runCheckRows(t, checkPolicy(), ground, []checkRow{
		{"raft heard it", func(s *State, _ *Change) { delete(s.Contact, "n3") }, invWitnesses},
		{"raft heard it not long ago", func(s *State, _ *Change) { s.Contact["n3"] = time.Minute - ns }, invWitnesses},
		{"discovery shows it", func(s *State, _ *Change) { s.View.Members[3].Health = Alive }, invWitnesses},
		{"discovery does not know", func(s *State, _ *Change) { s.View.Members[3].Health = Unknown }, invWitnesses},
		{"failed a moment ago", func(s *State, _ *Change) { s.View.Members[3].Since = s.Now.Add(ns - time.Minute) }, invWitnesses},
		{"left a moment ago", func(s *State, _ *Change) {
			s.View.Members[3].Health, s.View.Members[3].Since = Left, s.Now.Add(ns-time.Minute)
		}, invWitnesses},
		{"leaving, not for ever", func(s *State, _ *Change) {
			s.View.Members[3].Health, s.View.Members[3].Since = Leaving, s.Now.Add(-10*time.Minute)
		}, invWitnesses},
		{"absent, too short", func(s *State, _ *Change) {
			s.View.Members = append(s.View.Members[:3:3], s.View.Members[4:]...)
			s.Contact["n3"] = 10*time.Minute - ns
		}, invWitnesses},
		{"most are absent", func(s *State, _ *Change) { s.View.Members = s.View.Members[:1] }, invWitnesses},
		{"the view is cold", func(s *State, _ *Change) { s.View.Warm = false }, invWitnesses},
		{"the view is without the leader", func(s *State, _ *Change) { s.View.Members[0].Health = Failed }, invWitnesses},
		{"it answers", func(s *State, _ *Change) { s.Replies["n3"] = Reply{ID: "n3", HasState: true, LastIndex: 1} }, invWitnesses},
		{"somebody answers there", func(s *State, _ *Change) { s.Replies["n3"] = Reply{ID: "n9"} }, invWitnesses},
		{"two are dead", func(s *State, c *Change) {
			s.Contact["n2"], s.View.Members[2].Health = time.Hour, Failed
			delete(s.Replies, "n2")
			c.Before, c.After = Tally{4, 2}, Tally{3, 2}
		}, invBreaker},
		{"the leader is new", func(s *State, _ *Change) { s.Leading = time.Minute - ns }, invRate},
		{"one was removed", func(s *State, _ *Change) { s.Removals = []time.Time{s.Now.Add(ns - time.Minute)} }, invRate},
		{"the clock went back", func(s *State, _ *Change) { s.Removals = []time.Time{s.Now.Add(time.Hour)} }, invRate},
		{"two were removed", func(s *State, _ *Change) {
			s.Removals = []time.Time{s.Now.Add(-2 * time.Minute), s.Now.Add(-9 * time.Minute)}
		}, invRate},
		{"an odd group would shrink", func(s *State, c *Change) {
			s.Servers[4].Suffrage = raft.Voter
			c.Before, c.After = Tally{5, 4}, Tally{4, 3}
		}, invSize},
		{"it is in the view twice", func(s *State, _ *Change) { s.View.Members = append(s.View.Members, s.View.Members[3]) }, invAddress},
		{"another is at its address", func(s *State, c *Change) { s.Servers[4].Address = "10.0.0.3:08300" }, invAddress},
		{"it is the leader", func(_ *State, c *Change) { c.Server, c.Was = diceServer(0, raft.Voter), diceServer(0, raft.Voter) }, invLeader},
		{"the leader has no vote", func(s *State, _ *Change) { s.Servers[0].Suffrage = raft.Nonvoter }, invLeader},
		{"it was something else", func(_ *State, c *Change) { c.Was.Suffrage = raft.Nonvoter }, invOneEntry},
		{"another than was", func(_ *State, c *Change) { c.Server.Address = "10.0.0.9:8300" }, invOneEntry},
		{"it is not in the list", func(_ *State, c *Change) { c.Server, c.Was = diceServer(7, raft.Voter), raft.Server{} }, invOneEntry},
		{"no server at all", func(_ *State, c *Change) { c.Server, c.Was = raft.Server{}, raft.Server{} }, invOneEntry},
		{"the list is ambiguous", func(s *State, _ *Change) { s.Servers = append(s.Servers, diceServer(1, raft.Voter)) }, invAddress},
		{"others are aliases", func(s *State, c *Change) {
			s.Servers[4].Address = "10.0.0.2:08300"
		}, invAddress},
		{"no op", func(_ *State, c *Change) { c.Op = 0 }, invOneEntry},
		{"an unknown op", func(_ *State, c *Change) { c.Op = Reassert + 1 }, invOneEntry},
		{"another tally before", func(_ *State, c *Change) { c.Before.Live++ }, invQuorum},
		{"another tally after", func(_ *State, c *Change) { c.After.Live-- }, invQuorum},
	})
	s, c := ground()
	var unsafe *UnsafeError
	require.True(t, errors.As(Policy{MinVoters: 1}.Check(s, c), &unsafe))
	require.Equal(t, invSize, unsafe.Invariant, "without a target nothing is removed")
	require.True(t, errors.As(Policy{TargetVoters: 4, MinVoters: 4}.Check(s, c), &unsafe))
	require.Equal(t, invSize, unsafe.Invariant)
	s.Servers[3].Suffrage, c.Server.Suffrage, c.Was.Suffrage, c.Before = raft.Nonvoter, raft.Nonvoter, raft.Nonvoter, Tally{3, 3}
	s.Leading = 0
	require.NoError(t, checkPolicy().Check(s, c), "a dead nonvoter costs no quorum")
	require.Error(t, Policy{}.Check(s, c), "without a target nothing is removed")
}

func TestGuarantee14_Additions(t *testing.T) {
	ground := func() (State, Change) {
		return checkState(), Change{Op: AddNonvoter, Server: diceServer(5, raft.Nonvoter), Before: Tally{4, 3}, After: Tally{4, 3}}
	}
	runCheckRows(t, checkPolicy(), ground, []checkRow{
		{"as a voter", func(_ *State, c *Change) { c.Server.Suffrage = raft.Voter }, invQuorum},
		{"nobody answers", func(s *State, _ *Change) { delete(s.Replies, "n5") }, invQuorum},
		{"another answers", func(s *State, _ *Change) { s.Replies["n5"] = Reply{ID: "n6"} }, invQuorum},
		{"it is stopped", func(s *State, _ *Change) { s.Replies["n5"] = Reply{ID: "n5", HasState: true} }, invQuorum},
		{"it asked to leave", func(s *State, _ *Change) { s.Leaving = []raft.ServerID{"n5"} }, invWitnesses},
		{"it says that it leaves", func(s *State, _ *Change) { s.say("n5", func(r *Reply) { r.Leaving = true }) }, invWitnesses},
		{"not seen", func(s *State, _ *Change) { s.View.Members = s.View.Members[:5] }, invAddress},
		{"not alive", func(s *State, _ *Change) { s.View.Members[5].Health = Leaving }, invAddress},
		{"seen elsewhere", func(s *State, _ *Change) { s.View.Members[5].Address = "10.0.0.7:8300" }, invAddress},
		{"at another's address", func(s *State, c *Change) {
			s.View.Members[5].Address, c.Server.Address = "[::ffff:10.0.0.3]:8300", "[::ffff:10.0.0.3]:8300"
		}, invAddress},
		{"two claim the address", func(s *State, _ *Change) { s.View.Members[2].Address = "10.0.0.5:8300" }, invAddress},
		{"seen twice", func(s *State, _ *Change) { s.View.Members = append(s.View.Members, s.View.Members[5]) }, invAddress},
		{"at no address", func(s *State, c *Change) { s.View.Members[5].Address, c.Server.Address = "somewhere", "somewhere" }, invAddress},
		{"at a placeholder", func(s *State, c *Change) {
			s.View.Members[5].Address, c.Server.Address = "n5.parked.invalid:1", "n5.parked.invalid:1"
		}, invAddress},
		{"of another cluster", func(s *State, _ *Change) { s.View.Members[5].ClusterID = "c2" }, invCluster},
		{"it says another cluster", func(s *State, _ *Change) { s.say("n5", func(r *Reply) { r.ClusterID = "c2" }) }, invCluster},
		{"with another list at the index", func(s *State, _ *Change) {
			s.Replies["n5"] = Reply{ID: "n5", HasState: true, Running: true, ConfigIndex: 50, Servers: []raft.Server{diceServer(1, raft.Voter)}}
		}, invCluster},
		{"with a cluster of its own", func(s *State, _ *Change) {
			s.Replies["n5"] = Reply{ID: "n5", HasState: true, Running: true, ConfigIndex: 1, Servers: []raft.Server{diceServer(5, raft.Voter), diceServer(6, raft.Voter)}}
		}, invCluster},
		{"in the list already", func(_ *State, c *Change) {
			c.Server, c.Was = diceServer(4, raft.Nonvoter), diceServer(4, raft.Nonvoter)
		}, invOneEntry},
		{"without a quorum", func(s *State, c *Change) {
			s.Contact["n2"] = 1
			c.Before, c.After = Tally{4, 2}, Tally{4, 2}
		}, invQuorum},
	})
}

func TestGuarantee14_Promotions(t *testing.T) {
	ground := func() (State, Change) {
		return checkState(), Change{Op: Promote, Server: diceServer(4, raft.Voter), Was: diceServer(4, raft.Nonvoter), Before: Tally{4, 3}, After: Tally{5, 4}}
	}
	runCheckRows(t, checkPolicy(), ground, []checkRow{
		{"it lags", func(s *State, _ *Change) { s.say("n4", func(r *Reply) { r.LastIndex = 749 }) }, invQuorum},
		{"it does not run", func(s *State, _ *Change) { s.say("n4", func(r *Reply) { r.Running = false }) }, invQuorum},
		{"it did not answer", func(s *State, _ *Change) { delete(s.Replies, "n4") }, invQuorum},
		{"it is blank", func(s *State, _ *Change) { s.say("n4", func(r *Reply) { r.HasState = false }) }, invDisk},
		{"it had more", func(s *State, _ *Change) { s.Known["n4"] = 1001 }, invDisk},
		{"raft does not hear it", func(s *State, _ *Change) { s.Contact["n4"] = 1 }, invQuorum},
		{"it is young", func(s *State, _ *Change) { s.View.Members[4].Since = s.Now.Add(1 - 10*time.Second) }, invQuorum},
		{"it wants no vote", func(s *State, _ *Change) { s.View.Members[4].Nonvoter = true }, invWitnesses},
		{"it leaves", func(s *State, _ *Change) { s.Leaving = []raft.ServerID{"n4"} }, invWitnesses},
		{"it is not alive", func(s *State, _ *Change) { s.View.Members[4].Health = Unknown }, invWitnesses},
		{"it moved", func(s *State, _ *Change) { s.View.Members[4].Address = "10.0.0.7:8300" }, invAddress},
		{"another is there", func(s *State, _ *Change) { s.View.Members[5].Address = "10.0.0.4:8300" }, invAddress},
		{"another cluster", func(s *State, _ *Change) { s.say("n4", func(r *Reply) { r.ClusterID = "c2" }) }, invCluster},
		{"another list", func(s *State, _ *Change) { s.say("n4", func(r *Reply) { r.Servers = s.Servers[:3] }) }, invCluster},
		{"there are enough", func(s *State, c *Change) {
			s.Contact["n3"], s.View.Members[3].Health = 0, Alive
			c.Before, c.After = Tally{4, 4}, Tally{5, 5}
		}, invSize},
		{"it votes already", func(_ *State, c *Change) { c.Server, c.Was = diceServer(1, raft.Voter), diceServer(1, raft.Voter) }, invNoOp},
		{"and moved as well", func(_ *State, c *Change) { c.Server.Address = "10.0.0.7:8300" }, invOneEntry},
	})
}

func TestGuarantee14_AddressesAndPlaceholders(t *testing.T) {
	moved := func() (State, Change) { // n1 is somewhere else
		s := checkState()
		s.View.Members[1].Address = "10.0.0.7:8300"
		c := Change{Op: Readdress, Server: diceServer(1, raft.Voter), Was: diceServer(1, raft.Voter), Before: Tally{4, 3}, After: Tally{4, 3}}
		c.Server.Address = "10.0.0.7:8300"
		return s, c
	}
	runCheckRows(t, checkPolicy(), moved, []checkRow{
		{"nobody answers", func(s *State, _ *Change) { delete(s.Replies, "n1") }, invAddress},
		{"not seen there", func(s *State, _ *Change) { s.View.Members[1].Address = "10.0.0.8:8300" }, invAddress},
		{"taken", func(s *State, _ *Change) { s.Servers[4].Address = "10.0.0.7:8300" }, invAddress},
		{"the same, spelt differently", func(_ *State, c *Change) { c.Server.Address = "[::ffff:10.0.0.1]:8300" }, invNoOp},
		{"its vote as well", func(_ *State, c *Change) { c.Server.Suffrage = raft.Nonvoter }, invOneEntry},
		{"of another cluster", func(s *State, _ *Change) { s.View.Members[1].ClusterID = "c2" }, invCluster},
	})

	swapped := func() (State, Change) { // n1 and n2 changed places
		s := checkState()
		s.Contact, s.View.Members[3].Health = nil, Alive
		s.Replies["n3"] = Reply{ID: "n3", HasState: true, LastIndex: 1000, Running: true}
		s.View.Members[1].Address, s.View.Members[2].Address = "10.0.0.2:8300", "10.0.0.1:8300"
		c := Change{Op: Park, Server: diceServer(1, raft.Voter), Was: diceServer(1, raft.Voter), Before: Tally{4, 4}, After: Tally{4, 3}}
		c.Server.Address = "n1.parked.invalid:1"
		return s, c
	}
	runCheckRows(t, checkPolicy(), swapped, []checkRow{
		{"nobody is there", func(s *State, _ *Change) { s.View.Members[2].Address = "10.0.0.2:8300" }, invAddress},
		{"who is there is not proven", func(s *State, _ *Change) { delete(s.Replies, "n2") }, invAddress},
		{"two are there", func(s *State, _ *Change) { s.View.Members[5].Address = "10.0.0.1:8300" }, invAddress},
		{"it is live and stays", func(s *State, _ *Change) { s.View.Members[1].Health = Unknown }, invWitnesses},
		{"its new place is not proven", func(s *State, _ *Change) { delete(s.Replies, "n1") }, invWitnesses},
		{"its vote as well", func(_ *State, c *Change) { c.Server.Suffrage = raft.Nonvoter }, invOneEntry},
		{"where others can reach it", func(_ *State, c *Change) { c.Server.Address = "10.0.0.7:8300" }, invOneEntry},
		{"where another is parked", func(s *State, _ *Change) { s.Servers[4].Address = "n1.parked.invalid:1" }, invAddress},
		{"the quorum needs it", func(s *State, c *Change) {
			s.Contact = map[raft.ServerID]time.Duration{"n3": 1}
			c.Before, c.After = Tally{4, 3}, Tally{4, 2}
		}, invQuorum},
		{"it is parked", func(s *State, c *Change) { s.Servers[1].Address, c.Was.Address = c.Server.Address, c.Server.Address }, invNoOp},
	})
	s, c := swapped()
	s.Local = "n1"
	var unsafe *UnsafeError
	require.True(t, errors.As(checkPolicy().Check(s, c), &unsafe))
	require.Equal(t, invLeader, unsafe.Invariant, "the leader does not park itself")
}

func TestGuarantee14_DemotionOfALostDisk(t *testing.T) {
	ground := func() (State, Change) {
		s := checkState()
		s.Contact, s.View.Members[3].Health = nil, Alive
		s.Replies["n3"] = Reply{ID: "n3", Running: true}
		return s, Change{Op: Demote, Server: diceServer(3, raft.Nonvoter), Was: diceServer(3, raft.Voter), Before: Tally{4, 3}, After: Tally{3, 3}}
	}
	runCheckRows(t, checkPolicy(), ground, []checkRow{
		{"it said no such thing", func(s *State, c *Change) {
			s.say("n3", func(r *Reply) { r.HasState = true })
			c.Before = Tally{4, 4}
		}, invWitnesses},
		{"somebody else said it", func(s *State, _ *Change) { s.say("n3", func(r *Reply) { r.ID = "n9" }) }, invWitnesses},
		{"it is the leader", func(s *State, c *Change) {
			s.say("n0", func(r *Reply) { r.HasState = false })
			c.Server, c.Was = diceServer(0, raft.Nonvoter), diceServer(0, raft.Voter)
		}, invLeader},
		{"one was removed", func(s *State, _ *Change) { s.Removals = []time.Time{s.Now} }, invRate},
		{"two others look dead", func(s *State, c *Change) {
			for _, i := range []int{1, 2} {
				s.Contact = map[raft.ServerID]time.Duration{"n1": time.Hour, "n2": time.Hour}
				s.View.Members[i].Health = Failed
			}
			c.Before, c.After = Tally{4, 1}, Tally{3, 1}
		}, invBreaker},
		{"the leader is new", func(s *State, _ *Change) { s.Leading = time.Second }, invRate},
		{"it has no vote", func(_ *State, c *Change) {
			c.Server, c.Was = diceServer(4, raft.Nonvoter), diceServer(4, raft.Nonvoter)
		}, invNoOp},
	})
	s, c := ground()
	s.say("n3", func(r *Reply) { r.HasState, r.LastIndex = true, 999 })
	s.Known["n3"] = 1000
	require.NoError(t, checkPolicy().Check(s, c), "it has less than it once had")
}

func TestGuarantee14_LeavesAndHandovers(t *testing.T) {
	leave := func() (State, Change) {
		s := checkState()
		s.Contact, s.View.Members[3].Health, s.Leaving = nil, Alive, []raft.ServerID{"n2"}
		return s, Change{Op: Remove, Server: diceServer(2, raft.Voter), Was: diceServer(2, raft.Voter), Before: Tally{4, 4}, After: Tally{3, 3}}
	}
	p := Policy{TargetVoters: 3}
	rows := []checkRow{
		{"it did not ask", func(s *State, _ *Change) { s.Leaving = nil }, invWitnesses},
		{"everybody leaves", func(s *State, _ *Change) { s.Leaving = []raft.ServerID{"n1", "n2", "n3"} }, invSlack},
		{"everybody says so", func(s *State, _ *Change) {
			for _, id := range []raft.ServerID{"n1", "n3"} {
				s.Replies[id] = Reply{ID: id, HasState: true, LastIndex: 1000, Running: true, Leaving: true}
			}
		}, invSlack},
		{"too few would be left", func(s *State, c *Change) {
			s.Servers[1].Suffrage, s.Servers[3].Suffrage = raft.Nonvoter, raft.Nonvoter
			c.Before, c.After = Tally{2, 2}, Tally{1, 1}
		}, invSize},
	}
	runCheckRows(t, p, leave, rows)
	s, c := leave()
	p.MinSlack = 2
	require.ErrorContains(t, p.Check(s, c), "slack 1, want 2")

	handover := func() (State, Change) {
		s, _ := leave()
		s.Leaving = []raft.ServerID{"n0"}
		return s, Change{Op: Handover, Server: diceServer(2, raft.Voter), Was: diceServer(2, raft.Voter), Before: Tally{4, 4}, After: Tally{4, 4}}
	}
	runCheckRows(t, Policy{TargetVoters: 3}, handover, []checkRow{
		{"nobody leaves", func(s *State, _ *Change) { s.Leaving = nil }, invLeader},
		{"to itself", func(_ *State, c *Change) { c.Server, c.Was = diceServer(0, raft.Voter), diceServer(0, raft.Voter) }, invNoOp},
		{"to a nonvoter", func(_ *State, c *Change) {
			c.Server, c.Was = diceServer(4, raft.Nonvoter), diceServer(4, raft.Nonvoter)
		}, invLeader},
		{"to a server that leaves", func(s *State, _ *Change) { s.Leaving = []raft.ServerID{"n0", "n2"} }, invLeader},
		{"to the dead", func(s *State, c *Change) {
			s.Contact = map[raft.ServerID]time.Duration{"n2": 1}
			c.Before, c.After = Tally{4, 3}, Tally{4, 3}
		}, invLeader},
		{"with a change", func(_ *State, c *Change) { c.Server.Address = "10.0.0.9:8300" }, invOneEntry},
		{"everybody leaves", func(s *State, _ *Change) { s.Leaving = []raft.ServerID{"n0", "n1", "n3"} }, invSlack},
	})
}

func TestGuarantee14_Reassertion(t *testing.T) {
	ground := func() (State, Change) {
		s := checkState()
		s.Recovered = true
		return s, Change{Op: Reassert, Server: diceServer(0, raft.Voter), Was: diceServer(0, raft.Voter), Before: Tally{4, 3}, After: Tally{4, 3}}
	}
	runCheckRows(t, checkPolicy(), ground, []checkRow{
		{"of nothing", func(s *State, _ *Change) { s.Recovered = false }, invNoOp},
		{"of another", func(_ *State, c *Change) { c.Server, c.Was = diceServer(1, raft.Voter), diceServer(1, raft.Voter) }, invOneEntry},
		{"with a change", func(_ *State, c *Change) { c.Server.Address = "10.0.0.9:8300" }, invOneEntry},
	})
}

func TestUnsafeErrorNamesTheInvariant(t *testing.T) {
	s := checkState()
	delete(s.Contact, "n3")
	err := checkPolicy().Check(s, Change{Op: Remove, Server: diceServer(3, raft.Voter), Was: diceServer(3, raft.Voter)})
	require.EqualError(t, err, `peers: unsafe change: remove "n3" breaks I5 witnesses: raft has missed it for 0s, want 1m0s`)
	require.NotContains(t, (&UnsafeError{Server: "a\nb"}).Error(), "\n")
	require.Equal(t, "I(?)", Invariant(13).String())
	for i := invQuorum; i <= invNoOp; i++ {
		require.False(t, strings.HasSuffix(i.String(), " "), "invariant %d has a name", i)
	}
}
