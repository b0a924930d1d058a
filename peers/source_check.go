// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// What is wrong with a view.
const (
	ViewEmpty            Code = "view-empty"             // no members at all, not even this server
	ViewBadID            Code = "view-bad-id"            // empty, padded with blanks, not printable
	ViewBadAddress       Code = "view-bad-address"       // not what others can dial
	ViewDuplicateID      Code = "view-duplicate-id"      // a server is in it twice
	ViewDuplicateAddress Code = "view-duplicate-address" // two live members at one endpoint, however spelled
	ViewTooMany          Code = "view-too-many"          // more than 1,000 members
)

// Check says what is wrong with v, member by member; nothing of it is left out of a
// plan silently. Members that are not Alive may share an address: servers that left
// make room for others.
func (v View) Check() []Finding {
	var findings []Finding
	say := func(code Code, id raft.ServerID, detail, advice string) {
		findings = append(findings, Finding{code, Critical, id, detail, advice})
	}
	if len(v.Members) == 0 {
		say(ViewEmpty, "", "discovery shows no members", "look at discovery first: nothing is concluded from this")
	}
	if len(v.Members) > maxServers {
		say(ViewTooMany, "", fmt.Sprintf("discovery shows %d members, more than %d", len(v.Members), maxServers), "show servers only, and no clients")
		return findings
	}
	ids, addresses := map[raft.ServerID]bool{}, map[string]raft.ServerID{}
	for _, m := range v.Members {
		if err := checkID(string(m.ID)); err != nil {
			say(ViewBadID, m.ID, "the id of the member at "+quote(string(m.Address))+": "+err.Error(), "correct what it tells discovery")
		}
		if _, _, err := splitAddress(string(m.Address)); err != nil {
			say(ViewBadAddress, m.ID, "its address "+quote(string(m.Address))+": "+err.Error(), "let it tell discovery the host:port that others dial for raft")
		}
		if ids[m.ID] {
			say(ViewDuplicateID, m.ID, "it is shown more than once, also at "+quote(string(m.Address)), "stop the copy, or correct its id")
		}
		ids[m.ID] = true
		if m.Health != Alive {
			continue
		}
		address := canonical(m.Address)
		if other, ok := addresses[address]; ok && other != m.ID {
			say(ViewDuplicateAddress, m.ID, fmt.Sprintf("it is alive at %s, and so is %s", quote(string(m.Address)), quote(string(other))), "correct what they tell discovery")
		}
		addresses[address] = m.ID
	}
	return findings
}
