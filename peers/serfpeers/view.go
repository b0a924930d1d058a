// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"cmp"
	"slices"

	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers"
)

// view is what the newest look and what came before it amount to.
func (h *history) view() peers.View {
	v := peers.View{Taken: h.looked, Warm: h.warm()}
	for _, r := range h.records {
		if m, ok := r.shown(); ok {
			v.Members = append(v.Members, m)
		}
	}
	v.Members = onePerID(v.Members)
	return v
}

func (h *history) warm() bool {
	return h.alive && !h.company.IsZero() && h.looked.Sub(h.company) >= h.conf.AbsentAfter
}

// shown is the member as the view has it. One that Serf has forgotten is shown as it
// was then: a reap is the end of a failure and not the end of what it proves.
func (r *record) shown() (peers.Member, bool) {
	m := r.server
	if m.ID == "" {
		return m, false
	}
	if !r.present && m.Health != peers.Failed && m.Health != peers.Left {
		// It failed or left, and was reaped, between two looks.
		if r.reaped == serf.StatusNone {
			return m, false
		}
		m.Health, m.Since = health(r.reaped), r.gone
	}
	m.Forced = m.Health == peers.Left && !r.goodbye && !r.turned
	return m, true
}

// onePerID leaves one member per raft.ServerID. A server that came back under another
// name, as containers do, has left its old name behind, failed: what lives counts. Two that
// live with one ID are both left in, for whoever plans must see them.
func onePerID(members []peers.Member) []peers.Member {
	rank := func(m peers.Member) int {
		switch m.Health {
		case peers.Alive:
			return 0
		case peers.Leaving:
			return 1
		}
		return 2
	}
	slices.SortFunc(members, func(a, b peers.Member) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(rank(a), rank(b)), b.Since.Compare(a.Since), cmp.Compare(a.Address, b.Address))
	})
	kept := members[:0]
	for _, m := range members {
		if n := len(kept); n == 0 || kept[n-1].ID != m.ID || m.Health == peers.Alive {
			kept = append(kept, m)
		}
	}
	return kept
}
