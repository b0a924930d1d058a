// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
)

// What Inspect finds.
const (
	InspectTwoStores Code = "inspect-two-stores" // a raft.db and a raft-wal
	InspectNoStore   Code = "inspect-no-store"   // snapshots or peers.json, but no log
	InspectTorn      Code = "inspect-torn"       // a flaw of a file that it can be read in spite of
	InspectDamaged   Code = "inspect-damaged"    // something that cannot be read
	InspectGap       Code = "inspect-gap"        // entries are missing; raft would panic
	InspectTerms     Code = "inspect-terms"      // terms that fall, or a term less than that of the log
	InspectSnapshot  Code = "inspect-snapshot"   // metadata of a snapshot that is wrong
	InspectConflict  Code = "inspect-conflict"   // snapshot and log hold different lists at one index
	InspectNoList    Code = "inspect-no-list"    // state without a list of servers
	InspectPartial   Code = "inspect-partial"    // only the newest part of the log was read
	InspectPending   Code = "inspect-pending"    // a peers.json waits for the next start
	InspectPeersFile Code = "inspect-peers-file" // a peers.json waits that cannot be used
)

// maxNotes is how many findings of a kind are told one by one. A damaged file may have
// one for each entry.
const maxNotes = 8

// notes collects findings.
type notes struct {
	list  []Finding
	count map[Code]int
}

func (n *notes) add(code Code, severity Severity, detail, advice string) {
	if n.count == nil {
		n.count = map[Code]int{}
	}
	if n.count[code]++; n.count[code] <= maxNotes {
		n.list = append(n.list, Finding{Code: code, Severity: severity, Detail: detail, Advice: advice})
	}
}

// all are the findings, the most severe first, with a word for those left out.
func (n *notes) all() []Finding {
	for i := len(n.list) - 1; i >= 0; i-- {
		if more := n.count[n.list[i].Code] - maxNotes; more > 0 {
			n.list[i].Detail += fmt.Sprintf(" (and %d more)", more)
			n.count[n.list[i].Code] = 0
		}
	}
	slices.SortStableFunc(n.list, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	return n.list
}
