// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// Three servers of a cluster, as a boot check sees them. Each test changes one thing.

func bootServers(votes ...bool) (list []raft.Server) {
	for i, vote := range votes {
		m := bootMember(i)
		s := raft.Server{ID: m.ID, Address: m.Address}
		if !vote {
			s.Suffrage = raft.Nonvoter
		}
		list = append(list, s)
	}
	return list
}

// blankInput is n0 among three blank servers that have all made the same offer.
func blankInput() BootInput {
	list := bootServers(true, true, true)
	in := BootInput{
		Local:   Reply{ID: "n0", Address: list[0].Address, ClusterID: "blue", Expect: 3},
		Offer:   Offer{Servers: list},
		View:    View{Members: []Member{bootMember(2), bootMember(0), bootMember(1)}},
		Replies: map[raft.ServerID]Reply{},
		Unasked: map[raft.ServerID]error{},
	}
	for _, s := range list[1:] {
		in.Replies[s.ID] = Reply{ID: s.ID, Address: s.Address, ClusterID: "blue", Expect: 3, Candidates: DigestOf(list)}
	}
	return in
}

// statedInput is n0 with state, as are the others.
func statedInput() BootInput {
	in, list := blankInput(), bootServers(true, true, true)
	in.Offer, in.Local.Expect = Offer{}, 0
	in.Local = withState(in.Local, list, 3)
	for id := range in.Replies {
		in.change(id, func(r *Reply) { *r = withState(*r, list, 3) })
	}
	return in
}

func withState(r Reply, list []raft.Server, index uint64) Reply {
	r.HasState, r.Term, r.LastTerm, r.LastIndex = true, 4, 4, 20
	r.Servers, r.ConfigIndex, r.Expect, r.Candidates = list, index, 0, Digest{}
	return r
}

func (in *BootInput) change(id raft.ServerID, f func(*Reply)) {
	r := in.Replies[id]
	f(&r)
	in.Replies[id] = r
}

func (in *BootInput) lose(id raft.ServerID) {
	delete(in.Replies, id)
	in.Unasked[id] = errors.New("connection refused")
}

// lead makes n1 the leader, with that list.
func (in *BootInput) lead(list []raft.Server, index uint64) {
	in.change("n1", func(r *Reply) {
		*r = withState(*r, list, index)
		r.Running, r.Leading, r.Leader = true, true, "n1"
	})
}

func bootCodes(v Verdict) (list []Code) {
	for _, f := range v.Findings {
		list = append(list, f.Code)
	}
	return list
}

// TestGuarantee19_BlankServers is the table for empty stores. Its base, where all agree,
// bootstraps.
func TestGuarantee19_BlankServers(t *testing.T) {
	require.Equal(t, ActBootstrap, BootPlan(blankInput()).Action)
	require.Equal(t, DigestOf(bootServers(true, true, true)), BootPlan(blankInput()).Digest)

	member := func(in *BootInput, id raft.ServerID, f func(*Member)) {
		for i := range in.View.Members {
			if in.View.Members[i].ID == id {
				f(&in.View.Members[i])
			}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(in *BootInput)
		want   Action
		code   Code // "": no finding
	}{
		{"F11_one cannot be asked", func(in *BootInput) { in.lose("n2") }, ActWait, BootUnreachable},
		{"F11_another expectation", func(in *BootInput) { in.change("n1", func(r *Reply) { r.Expect = 5 }) }, ActWait, BootExpect},
		{"F11_another offer", func(in *BootInput) { in.change("n1", func(r *Reply) { r.Candidates = Digest{1} }) }, ActWait, ""},
		{"F11_no offer", func(in *BootInput) { in.change("n1", func(r *Reply) { r.Candidates = Digest{} }) }, ActWait, ""},
		{"F11_too few", func(in *BootInput) { in.View.Members = in.View.Members[:2] }, ActWait, ""},
		{"F11_a failed one does not count", func(in *BootInput) { member(in, "n2", func(m *Member) { m.Health = Failed }) }, ActWait, ""},
		{"F11_one that left does not count", func(in *BootInput) { member(in, "n2", func(m *Member) { m.Health = Left }) }, ActWait, ""},
		{"F11_a leaving one does not count", func(in *BootInput) { in.change("n2", func(r *Reply) { r.Leaving = true }) }, ActWait, ""},
		{"F11_a failed one may have state", func(in *BootInput) {
			in.View.Members = append(in.View.Members, Member{ID: "n3", Address: "10.0.0.3:8300", Health: Failed})
			in.lose("n3")
		}, ActWait, BootUnreachable},
		{"F11_one that left needs not answer", func(in *BootInput) {
			in.View.Members = append(in.View.Members, Member{ID: "n3", Address: "10.0.0.3:8300", Health: Left})
		}, ActBootstrap, ""},
		{"F15_a nonvoter does not count", func(in *BootInput) { member(in, "n2", func(m *Member) { m.Nonvoter = true }) }, ActWait, ""},
		{"F15_another cluster, says discovery", func(in *BootInput) { member(in, "n2", func(m *Member) { m.ClusterID = "red" }) }, ActWait, BootForeign},
		{"F15_another cluster, says the server", func(in *BootInput) { in.change("n2", func(r *Reply) { r.ClusterID = "red" }) }, ActWait, BootForeign},
		{"F15_another cluster beside ours", func(in *BootInput) {
			in.View.Members = append(in.View.Members, Member{ID: "n3", Address: "10.0.0.3:8300", Health: Alive, ClusterID: "red"})
			in.lose("n3")
		}, ActBootstrap, BootForeign},
		{"this one is to be no voter", func(in *BootInput) { member(in, "n0", func(m *Member) { m.Nonvoter = true }) }, ActWait, BootExpect},
		{"this one is elsewhere", func(in *BootInput) { member(in, "n0", func(m *Member) { m.Address = "10.9.9.9:8300" }) }, ActWait, BootAddress},
		{"another one is elsewhere", func(in *BootInput) { in.change("n1", func(r *Reply) { r.Address = "10.9.9.9:8300" }) }, ActWait, BootAddress},
		{"somebody else answers", func(in *BootInput) { in.change("n1", func(r *Reply) { r.ID = "x" }) }, ActWait, BootImpostor},
		{"two at one address", func(in *BootInput) {
			member(in, "n1", func(m *Member) { m.Address = "[::ffff:10.0.0.2]:8300" })
			in.change("n1", func(r *Reply) { r.Address = "[::ffff:10.0.0.2]:8300" })
		}, ActWait, BootAddress},
		{"one id twice", func(in *BootInput) { in.View.Members = append(in.View.Members, in.View.Members[0]) }, ActWait, BootAddress},
		{"one with a peers.json", func(in *BootInput) { in.change("n1", func(r *Reply) { r.Recovery = Digest{1} }) }, ActWait, BootPeersFile},
		{"no discovery", func(in *BootInput) { in.ViewErr = errors.New("no gossip") }, ActWait, BootSourceFails},
		{"no expectation", func(in *BootInput) { in.Local.Expect = 0 }, ActWait, ""},
		{"one with state", func(in *BootInput) {
			in.change("n1", func(r *Reply) { *r = withState(*r, bootServers(false, true)[1:], 5) })
		}, ActWait, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := blankInput()
			tc.change(&in)
			v := BootPlan(in)
			require.Equal(t, tc.want, v.Action, v)
			require.Equal(t, v.Action == ActWait, v.Retry > 0)
			if tc.code == "" {
				require.Empty(t, v.Findings)
			} else {
				require.Contains(t, bootCodes(v), tc.code)
			}
		})
	}
}

// An address has many spellings, and a bootstrap one: the entry must be the same on all.
func TestGuarantee19_F10_OneSpelling(t *testing.T) {
	in := blankInput()
	in.Local.Address = "[::ffff:10.0.0.0]:08300"
	in.Offer = Offer{}
	in.Offer = BootPlan(in).Offer
	v := BootPlan(in)
	require.Equal(t, ActBootstrap, v.Action, v)
	require.Equal(t, bootServers(true, true, true), v.Servers)
}

// A blank server first looks, then offers, then decides; with more servers than are
// expected, the smallest ids are taken.
func TestGuarantee19_F11_OfferComesFirst(t *testing.T) {
	in := blankInput()
	in.Offer, in.Local.Expect = Offer{}, 2
	for id := range in.Replies {
		in.change(id, func(r *Reply) { r.Expect = 2 })
	}
	v := BootPlan(in)
	require.Equal(t, ActWait, v.Action, "everybody agrees, but nobody has heard of it from here")
	require.Equal(t, bootServers(true, true, true), v.Offer.Servers)

	in.Offer = v.Offer
	v = BootPlan(in)
	require.Equal(t, ActBootstrap, v.Action, v)
	require.Equal(t, bootServers(true, true), v.Servers)

	in.Local.ID, in.Local.Address = "n2", "10.0.0.2:8300"
	in.Replies["n0"] = Reply{ID: "n0", Address: "10.0.0.0:8300", Expect: 2, Candidates: v.Offer.told()}
	v = BootPlan(in)
	require.Equal(t, ActWait, v.Action, "n2 is not one of the two smallest")
	require.Contains(t, v.Reason, "waiting to be added")
}

// An offer binds until the others have let go of it.
func TestGuarantee19_F10_OfferBinds(t *testing.T) {
	in := blankInput()
	in.View.Members = []Member{bootMember(0), bootMember(1), bootMember(3)}
	in.Replies["n3"] = Reply{ID: "n3", Address: "10.0.0.3:8300", Expect: 3}
	v := BootPlan(in)
	require.Equal(t, Offer{Servers: in.Offer.Servers, Withdrawn: true}, v.Offer)
	require.True(t, v.Offer.told().IsZero())

	in.Offer = v.Offer
	v = BootPlan(in)
	require.Equal(t, ActWait, v.Action)
	require.Equal(t, in.Offer, v.Offer, "n1 and n2 still hold to it, and may have decided")
	require.Equal(t, []Code{BootPromise, BootPromise}, bootCodes(v))

	in.change("n1", func(r *Reply) { r.Candidates = Digest{} })
	in.lose("n2")
	require.Equal(t, in.Offer, BootPlan(in).Offer, "n2 is silent")

	in.Replies["n2"] = Reply{ID: "n2", Address: "10.0.0.2:8300", Expect: 3}
	v = BootPlan(in)
	require.False(t, v.Offer.Withdrawn)
	require.Equal(t, []raft.ServerID{"n0", "n1", "n3"}, []raft.ServerID{v.Offer.Servers[0].ID, v.Offer.Servers[1].ID, v.Offer.Servers[2].ID})
}

// A server that was faster is followed, by those that offered the very same list.
func TestGuarantee19_F10_FollowsItsOwnOffer(t *testing.T) {
	list := bootServers(true, true, true)
	in := blankInput()
	in.lose("n2")
	in.change("n1", func(r *Reply) { *r = withState(*r, list, 1) })
	v := BootPlan(in)
	require.Equal(t, ActBootstrap, v.Action, v)
	require.Equal(t, DigestOf(list), v.Digest)

	in.Offer = Offer{}
	v = BootPlan(in)
	require.Equal(t, ActWait, v.Action, "who has offered nothing may have lost its disk")
	require.Contains(t, bootCodes(v), BootAmnesia)

	in = blankInput()
	in.change("n1", func(r *Reply) { *r = withState(*r, list, 1) })
	in.change("n2", func(r *Reply) { *r = withState(*r, bootServers(true, false, true), 1) })
	require.Equal(t, ActWait, BootPlan(in).Action, "two bootstraps, and it would take sides")
}
