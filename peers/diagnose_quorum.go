// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// quorum asks whether a leader could be elected now, by the list of the best informed.
func (d *diagnosis) quorum() {
	b, ok := best(d.nodes)
	list := b.newest().Servers
	if !ok || len(list) == 0 {
		return
	}
	var up, here []raft.ServerID
	var leader raft.ServerID
	all := votersOf(list)
	for _, n := range d.nodes {
		if n.HasState && slices.Contains(all, n.ID) && !slices.Contains(here, n.ID) {
			here = append(here, n.ID)
			if n.Live {
				up = append(up, n.ID)
			}
		}
		if n.Live && n.Leader != "" {
			leader = n.Leader
		}
	}
	q := quorum(len(all))
	switch {
	case len(up) >= q && leader == "":
		d.find(Warning, FoundNoLeader, "", fmt.Sprintf("%d of %d voters are up, a quorum is %d, and none knows a leader", len(up), len(all), q),
			"wait for an election timeout, then look for voters that do not reach each other at the listed addresses")
	case len(up) >= q:
	case len(up) == 0 && len(here) >= q:
		d.find(Warning, FoundStopped, "", fmt.Sprintf("no server is up; %s are on disk, %d of %d voters, and a quorum is %d", join(here), len(here), len(all), q),
			"start them: they can elect a leader, and need no recovery")
	default:
		d.noQuorum(all, up, here, q)
	}
}

// noQuorum tells the two things that operators try first, and that cannot work.
func (d *diagnosis) noQuorum(all, up, here []raft.ServerID, q int) {
	var missing []string
	for _, id := range all {
		if !slices.Contains(up, id) {
			missing = append(missing, d.describe(id, slices.Contains(here, id)))
		}
	}
	d.find(Critical, FoundNoQuorum, "",
		fmt.Sprintf("%d of %d voters are up, a quorum is %d; missing: %s", len(up), len(all), q, strings.Join(missing, ", ")),
		fmt.Sprintf("start %d of the missing; if they are gone for good, plan a recovery. Joining and removing servers cannot help: both need a quorum", q-len(up)))
}

func (d *diagnosis) describe(id raft.ServerID, here bool) string {
	s := string(id)
	if here {
		return s + " (on disk here, not running)"
	}
	for _, m := range d.view.Members {
		if m.ID == id {
			if age := d.view.Taken.Sub(m.Since); !m.Since.IsZero() && age > 0 {
				return fmt.Sprintf("%s (%s for %v)", s, m.Health, age.Round(time.Second))
			}
			return fmt.Sprintf("%s (%s)", s, m.Health)
		}
	}
	return s
}

// join is ids in words, for people.
func join(ids []raft.ServerID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}
