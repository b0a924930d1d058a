// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// Three of five servers are gone for good. The plan is refused until somebody says that
// enough of them cannot come back; then it says what can be lost, and what to do.
func ExamplePlanRecovery() {
	var list []raft.Server
	for _, id := range []raft.ServerID{"a", "b", "c", "d", "e"} {
		list = append(list, raft.Server{ID: id, Address: raft.ServerAddress(id + ".example:8300")})
	}
	configs := []peers.Configuration{{Index: 1, Term: 1, Servers: list, Digest: peers.DigestOf(list)}}
	nodes := []peers.Node{ // from Inspect, with the servers stopped
		{ID: "a", Dir: "a", HasState: true, Term: 3, Last: peers.Entry{Term: 3, Index: 118}, Configs: configs},
		{ID: "b", Dir: "b", HasState: true, Term: 3, Last: peers.Entry{Term: 2, Index: 120}, Configs: configs},
	}

	_, err := peers.PlanRecovery(nodes, peers.RecoveryConfig{})
	var unfenced *peers.UnfencedError
	fmt.Println(errors.As(err, &unfenced), unfenced.Need, unfenced.Servers)

	plan, err := peers.PlanRecovery(nodes, peers.RecoveryConfig{Fenced: []raft.ServerID{"c", "d", "e"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Seed, "lossless:", plan.Lossless)
	fmt.Println(plan.Why[0])
	fmt.Print(plan.File)
	// Output:
	// true 1 [c d e]
	// a lossless: false
	// 2 of 5 voters of list a45a6bbf1319 (index 1) survive, and 3 are needed
	// [
	//   {"id":"a","address":"a.example:8300","non_voter":false},
	//   {"id":"b","address":"b.example:8300","non_voter":true}
	// ]
}

func ExampleDiagnose() {
	list := []raft.Server{{ID: "a", Address: "a:8300"}, {ID: "b", Address: "b:8300"}, {ID: "c", Address: "c:8300"}}
	alone := peers.NodeOf(peers.Reply{ID: "a", HasState: true, LastTerm: 4, LastIndex: 90, Servers: list, Running: true})
	for _, f := range peers.Diagnose([]peers.Node{alone}, peers.View{}) {
		fmt.Println(f.Severity, f.Code)
		fmt.Println(f.Detail)
		fmt.Println(f.Advice)
	}
	// Output:
	// critical no-quorum
	// 1 of 3 voters are up, a quorum is 2; missing: b, c
	// start 1 of the missing; if they are gone for good, plan a recovery. Joining and removing servers cannot help: both need a quorum
}
