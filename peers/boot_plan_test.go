// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// TestGuarantee19_F12_StateWins: whatever others say or expect, a disk that holds state is
// started on.
func TestGuarantee19_F12_StateWins(t *testing.T) {
	for name, change := range map[string]func(in *BootInput){
		"expectation":   func(in *BootInput) { in.Local.Expect = 3 },
		"no discovery":  func(in *BootInput) { in.View, in.ViewErr = View{}, errors.New("no gossip") },
		"nobody":        func(in *BootInput) { in.lose("n1"); in.lose("n2") },
		"blank others":  func(in *BootInput) { in.Replies = blankInput().Replies; in.Local.Expect = 3 },
		"only a term":   func(in *BootInput) { in.Local.Servers, in.Local.LastIndex = nil, 0 },
		"other cluster": func(in *BootInput) { in.change("n1", func(r *Reply) { r.ClusterID = "red" }) },
		"an offer":      func(in *BootInput) { in.Offer = blankInput().Offer },
	} {
		in := statedInput()
		change(&in)
		v := BootPlan(in)
		require.Equal(t, ActStart, v.Action, name)
		require.Zero(t, v.Retry, name)
		require.Empty(t, v.Servers, name)
	}
	in := statedInput()
	require.Empty(t, BootPlan(in).Findings, "all is well")
	in.Local.Expect = 3
	require.Equal(t, []Code{BootExpect}, bootCodes(BootPlan(in)))
}

// F24, F25: a server that was removed is told so. It starts, as the table has it: whether
// what it holds is worth anything is for a person to say.
func TestF24_F25_RemovedServerIsTold(t *testing.T) {
	in := statedInput()
	in.lead(bootServers(true, true, true)[1:], 9)
	v := BootPlan(in)
	require.Equal(t, ActStart, v.Action)
	require.Equal(t, []Code{BootDiffers, BootStale}, bootCodes(v))
	require.Contains(t, v.String(), `leader "n1" has no such server in its list of index 9`)

	in.change("n1", func(r *Reply) { r.Term = 3 }) // an old leader knows less than this server
	require.NotContains(t, bootCodes(BootPlan(in)), BootStale)
}

func TestF10_TwoBootstrapsAreNamed(t *testing.T) {
	in := statedInput()
	in.change("n2", func(r *Reply) { r.Servers = bootServers(true, false, true) })
	v := BootPlan(in)
	require.Equal(t, ActStart, v.Action)
	require.Equal(t, []Code{BootConflict}, bootCodes(v))
	require.Equal(t, raft.ServerID("n2"), v.Findings[0].Server)
}

// TestGuarantee20_F30_LostDiskDoesNotVote: blank, and a voter elsewhere.
func TestGuarantee20_F30_LostDiskDoesNotVote(t *testing.T) {
	all, demoted := bootServers(true, true, true), bootServers(false, true, true)
	in := blankInput()
	in.Offer = Offer{}
	in.lead(all, 3)
	in.change("n2", func(r *Reply) { *r = withState(*r, all, 3) })
	v := BootPlan(in)
	require.Equal(t, ActWait, v.Action, v)
	require.Equal(t, []Code{BootAmnesia}, bootCodes(v))
	require.Equal(t, Critical, v.Findings[0].Severity)

	in.lead(demoted, 9)
	v = BootPlan(in)
	require.Equal(t, ActWait, v.Action, "the entry is on one voter of two: an older log could still win with our vote")

	in.change("n2", func(r *Reply) { *r = withState(*r, demoted, 9) })
	v = BootPlan(in)
	require.Equal(t, ActStart, v.Action, v)

	in.change("n1", func(r *Reply) { r.Leading = false })
	require.Equal(t, ActWait, BootPlan(in).Action, "nobody leads")
}

// A server that is new to a cluster waits to be added as a nonvoter.
func TestF12_NewServerWaitsToBeAdded(t *testing.T) {
	in := blankInput()
	in.lead(bootServers(true, true, true)[1:], 9)
	in.change("n2", func(r *Reply) { *r = withState(*r, bootServers(true, true, true)[1:], 9) })
	v := BootPlan(in)
	require.Equal(t, ActWait, v.Action)
	require.Contains(t, v.Reason, "waiting to be added as a nonvoter")
	require.Empty(t, v.Servers)
}

// TestGuarantee20_PeersFile is the table for a peers.json. Its base is taken in.
func TestGuarantee20_PeersFile(t *testing.T) {
	file := bootServers(true, false, false)
	base := func() BootInput {
		in := statedInput()
		in.Pending = &Pending{Path: "raft/peers.json", Servers: file}
		for id := range in.Replies {
			in.change(id, func(r *Reply) { r.Recovery = DigestOf(file) })
		}
		return in
	}
	v := BootPlan(base())
	require.Equal(t, ActRecover, v.Action, v)
	require.Equal(t, file, v.Servers)
	require.Empty(t, v.Findings)

	for _, tc := range []struct {
		name   string
		change func(in *BootInput)
		want   Action
		says   string
	}{
		{"F36_empty stores", func(in *BootInput) { in.Local.HasState = false }, ActRefuse, "are empty"},
		{"F36_damaged", func(in *BootInput) { in.Pending = &Pending{Path: "raft/peers.json", Err: errors.New("line 3")} }, ActRefuse, "line 3"},
		{"F36_damaged, and empty stores", func(in *BootInput) {
			in.Local.HasState, in.Pending = false, &Pending{Path: "raft/peers.json", Err: errors.New("line 3")}
		}, ActRefuse, "line 3"},
		{"F7_without this server", func(in *BootInput) { in.Pending.Servers = file[1:] }, ActRefuse, `"n0", this server, is not in it`},
		{"F7_this server is elsewhere", func(in *BootInput) { in.Local.Address = "10.9.9.9:8300" }, ActRefuse, `"n0" at "10.0.0.0:8300"`},
		{"F6_a single entry", func(in *BootInput) { in.Pending.Servers, in.Replies = file[:1], nil }, ActRefuse, "single entry"},
		{"F6_a single entry that is meant", func(in *BootInput) {
			in.Pending.Servers, in.Replies, in.AllowSingle = file[:1], nil, true
		}, ActRecover, ""},
		{"F9_a leader", func(in *BootInput) { in.lead(bootServers(true, true, true), 3) }, ActRefuse, `"n1" leads term 4`},
		{"F9_a follower of a leader", func(in *BootInput) {
			in.change("n1", func(r *Reply) { r.Running, r.Leader = true, "n2" })
		}, ActRefuse, `"n1" follows leader "n2"`},
		{"F9_a follower of this server", func(in *BootInput) {
			in.change("n1", func(r *Reply) { r.Running, r.Leader = true, "n0" })
		}, ActRecover, ""},
		{"F9_another file", func(in *BootInput) { in.change("n2", func(r *Reply) { r.Recovery = Digest{0xab} }) }, ActRefuse, `"n2" has a peers.json with ab0000000000`},
		{"F9_no file", func(in *BootInput) { in.change("n2", func(r *Reply) { r.Recovery = Digest{} }) }, ActRefuse, `"n2" holds ` + DigestOf(bootServers(true, true, true)).String()},
		{"F9_taken in already", func(in *BootInput) {
			in.change("n2", func(r *Reply) { r.Recovery, r.Servers, r.ConfigIndex = Digest{}, file, 1 })
		}, ActRecover, ""},
		{"F9_another cluster has another file", func(in *BootInput) {
			in.change("n2", func(r *Reply) { r.Recovery, r.ClusterID = Digest{1}, "red" })
		}, ActRecover, ""},
		{"F9_one cannot be asked", func(in *BootInput) { in.lose("n2") }, ActRecover, ""},
		{"F30_a blank server", func(in *BootInput) {
			in.change("n2", func(r *Reply) { *r = Reply{ID: "n2", Address: r.Address} })
		}, ActRecover, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := base()
			tc.change(&in)
			v := BootPlan(in)
			require.Equal(t, tc.want, v.Action, v)
			if v.Action != ActRefuse {
				return
			}
			require.Contains(t, v.Reason, tc.says)
			require.Contains(t, v.Reason, "raft/peers.json is not taken in, and stays where it is")
			require.Empty(t, v.Servers)
		})
	}
}

// What does not forbid a recovery is said all the same.
func TestF9_DoubtsAreFindings(t *testing.T) {
	in := statedInput()
	in.Pending = &Pending{Path: "peers.json", Servers: bootServers(true, true, false)}
	in.Replies["n1"] = Reply{ID: "n1"}
	in.lose("n2")
	v := BootPlan(in)
	require.Equal(t, ActRecover, v.Action, v)
	require.Equal(t, []Code{BootUnreachable, BootAmnesia}, bootCodes(v))
}
