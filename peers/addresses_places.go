// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "github.com/hashicorp/raft"

// placesOf is where to dial each server of a view. Who is not in it is dialled where
// raft's configuration says.
func placesOf(view View) map[raft.ServerID]raft.ServerAddress {
	count := map[raft.ServerID]int{} // how often an id is shown
	living := map[string]int{}       // how many live at an address
	for _, m := range view.Members {
		count[m.ID]++
		if m.Health == Alive {
			living[canonical(m.Address)]++
		}
	}
	places := map[raft.ServerID]raft.ServerAddress{}
	for _, m := range view.Members {
		_, _, err := splitAddress(string(m.Address))
		switch n := living[canonical(m.Address)]; {
		case m.ID == "" || err != nil || count[m.ID] > 1:
		case m.Health == Alive && n == 1:
			places[m.ID] = m.Address
		case m.Health != Alive && n > 0:
			places[m.ID] = occupied
		}
	}
	return places
}
