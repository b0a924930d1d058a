// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// Apply is the list after the change, as raft makes it (configuration.go,
// nextConfiguration). It does not change servers.
func (c Change) Apply(servers []raft.Server) []raft.Server {
	after := slices.Clone(servers)
	i := slices.IndexFunc(after, func(s raft.Server) bool { return s.ID == c.Server.ID })
	switch {
	case c.Op == Handover || c.Op == Reassert:
	case c.Op == Remove && i >= 0:
		after = slices.Delete(after, i, i+1)
	case c.Op == Remove:
	case i >= 0:
		after[i] = c.Server
	case c.Op == AddNonvoter:
		after = append(after, c.Server)
	}
	return after
}

// forecast is what would follow first if every change did what it is for, and nothing
// else happened but that the waits between removals passed.
func (p Policy) forecast(s State, first *Change) []Change {
	if first == nil {
		return nil
	}
	base := s.Servers
	s.Contact, s.Replies, s.Known = maps.Clone(s.Contact), maps.Clone(s.Replies), maps.Clone(s.Known)
	s.Removals = slices.Clone(s.Removals)
	var then []Change
	for c := first; c != nil && c.Op != Handover && len(then) < maxThen; {
		s.foresee(*c, p.RemovalEvery)
		if c = p.decide(&s, base, true).Next; c != nil {
			then = append(then, *c)
		}
	}
	return then
}

// foresee makes s the State after c has done what it is for.
func (s *State) foresee(c Change, every time.Duration) {
	id := c.Server.ID
	switch {
	case c.Op == Reassert:
		s.Recovered = false
	case (c.Op == Remove || c.Op == Demote) && c.Was.Suffrage == raft.Voter:
		s.Removals = append(s.Removals, s.Now.Add(-every))
	}
	switch c.Op {
	case Readdress:
		delete(s.Contact, id) // raft finds it there
	case AddNonvoter, Demote: // it follows the leader from now on
		delete(s.Contact, id)
		delete(s.Known, id)
		r := s.Replies[id]
		r.HasState, r.Running, r.LastIndex = true, true, s.LastIndex
		s.Replies[id] = r
	}
	s.Servers = c.Apply(s.Servers)
}
