// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "github.com/hashicorp/raft"

// against is why the two witnesses do not convict a server; "": they do.
func (j *judge) against(id raft.ServerID) string {
	p, s := j.policy, j.state
	silent := j.silence(id)
	m, seen := j.members[id]
	since := s.Now.Sub(m.Since)
	switch {
	case silent < p.DeadAfter:
		return "raft has missed it for " + silent.String() + ", want " + p.DeadAfter.String()
	case !s.View.Warm || j.members[s.Local].Health != Alive:
		return "the view is not warm, or does not show this server alive"
	case !seen && silent < p.AbsentAfter:
		return "absent from the view, and raft has missed it for " + silent.String() + ", want " + p.AbsentAfter.String()
	case !seen && j.blind():
		return "the view shows less than half of the voters"
	case !seen:
		return ""
	case m.Health == Failed || m.Health == Left:
		if since < p.DeadAfter {
			return m.Health.String() + " for " + since.String() + ", want " + p.DeadAfter.String()
		}
		return ""
	case m.Health == Leaving && since > p.AbsentAfter:
		return ""
	}
	return "discovery says " + m.Health.String()
}

// blind: a view without most of the voters says more about itself than about them.
func (j *judge) blind() bool {
	voters, absent := 0, 0
	for _, e := range j.state.Servers {
		if e.Suffrage == raft.Voter {
			voters++
			if _, seen := j.members[e.ID]; !seen {
				absent++
			}
		}
	}
	return 2*absent > voters
}

// suspects counts the voters that both witnesses convict.
func (j *judge) suspects() int {
	return j.count(func(id raft.ServerID) bool { return j.against(id) == "" })
}

// dead counts the suspects for which nothing speaks: nobody answers in their place.
func (j *judge) dead() int {
	return j.count(func(id raft.ServerID) bool {
		_, answered := j.state.Replies[id]
		return j.against(id) == "" && !answered && j.doubled[id] == ""
	})
}

func (j *judge) count(is func(raft.ServerID) bool) int {
	n := 0
	for _, e := range j.state.Servers {
		if e.Suffrage == raft.Voter && is(e.ID) {
			n++
		}
	}
	return n
}

func (j *judge) voters() int { return j.count(func(raft.ServerID) bool { return true }) }
