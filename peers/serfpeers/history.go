// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"errors"
	"time"

	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers"
)

// maxGone bounds what names that come and go by gossip can make us remember, beside
// those that Serf itself has.
const maxGone = 4096

// history is what was seen of Serf's members. It has no clock and does no I/O.
//
// Two inputs feed it. Looks at Serf's list alone decide who is a member, and in what
// health, so that no lost or late event can make a view wrong. Events come in order, and
// decide the one thing that looks cannot: who said that a member left.
type history struct {
	conf    Config
	self    string // Serf's name of this node
	records map[string]*record

	looked  time.Time // the newest look; zero: none
	company time.Time // since when looks without a gap have known of others; zero: never
	alive   bool      // the newest look showed this node alive, as a server
	deaf    bool      // events may be missing
}

// record is the past of one of Serf's names.
type record struct {
	server    peers.Member      // as it was when it was last a server; ID "": it never was
	heard     serf.MemberStatus // by events; StatusNone: none came
	reaped    serf.MemberStatus // what it was when Serf forgot it, by event; StatusNone: none came
	goodbye   bool              // it said itself that it left
	turned    bool              // it is there, and no server of this cluster any more
	present   bool              // in the newest look
	gone      time.Time         // the first look without it
	complaint string            // what is wrong with its tags
}

// event takes in what Serf sent. Serf sends member-leave for a goodbye, and for the
// force-leave of a failed member as well (serf.go, handleNodeLeave and
// handleNodeLeaveIntent): only what came before tells them apart.
func (h *history) event(e serf.MemberEvent) {
	for _, m := range e.Members {
		r := h.records[m.Name]
		if r == nil {
			if _, err := h.conf.server(m); err != nil || e.Type == serf.EventMemberReap {
				continue
			}
			r = &record{}
			h.records[m.Name] = r
		}
		switch e.Type {
		case serf.EventMemberJoin:
			r.heard, r.reaped, r.goodbye = serf.StatusAlive, serf.StatusNone, false
		case serf.EventMemberFailed:
			r.heard = serf.StatusFailed
		case serf.EventMemberLeave:
			if r.heard != serf.StatusNone {
				r.goodbye = r.heard == serf.StatusAlive
			}
			r.heard = serf.StatusLeft
		case serf.EventMemberReap:
			r.reaped = m.Status
		}
		if h.deaf {
			r.heard = serf.StatusNone
		}
	}
}

// deafen says that events may be missing: what was heard before proves no goodbye.
func (h *history) deafen() {
	h.deaf = true
	for _, r := range h.records {
		r.heard = serf.StatusNone
		r.goodbye = r.goodbye && r.server.Health == peers.Left
	}
}

// look takes in Serf's list, and returns what is wrong with servers' tags, by name, if
// that is news.
func (h *history) look(now time.Time, members []serf.Member) (complaints map[string]string) {
	if now.Sub(h.looked) > h.conf.AbsentAfter {
		h.company = time.Time{} // nobody looked for so long: what was known of others is stale
	}
	h.looked, h.alive = now, false
	for _, r := range h.records {
		r.present = false
	}
	for _, m := range members {
		if c := h.lookAt(now, m); c != "" {
			if complaints == nil {
				complaints = map[string]string{}
			}
			complaints[m.Name] = c
		}
		if h.company.IsZero() && (h.conf.Solo || m.Name != h.self && m.Status == serf.StatusAlive) {
			h.company = now
		}
	}
	h.forget(now)
	return complaints
}

func (h *history) lookAt(now time.Time, m serf.Member) (complaint string) {
	r := h.records[m.Name]
	server, err := h.conf.server(m)
	if r == nil {
		if errors.Is(err, errStranger) {
			return ""
		}
		r = &record{}
		h.records[m.Name] = r
	}
	r.present, r.gone = true, time.Time{}
	switch {
	case errors.Is(err, errStranger):
		// It says itself that it is no server any more (consul PR#6550).
		r.complaint, r.turned = "", true
		if r.server.ID != "" && r.server.Health != peers.Left {
			r.server.Health, r.server.Since = peers.Left, now
		}
		return ""
	case err != nil:
		r.server = peers.Member{} // unknown: broken tags prove nothing
		fresh := r.complaint != err.Error()
		r.complaint = err.Error()
		if fresh {
			return r.complaint
		}
		return ""
	}
	r.complaint, r.turned = "", false
	r.become(now, server, health(m.Status))
	h.alive = h.alive || m.Name == h.self && m.Status == serf.StatusAlive
	return ""
}

// become is a look at a server.
func (r *record) become(now time.Time, server peers.Member, to peers.Health) {
	was := r.server
	server.Health, server.Since = to, was.Since
	if was.ID != server.ID || was.Health != to {
		server.Since = now
	}
	if r.heard == serf.StatusNone && to != was.Health {
		// No events: only a look at the moment of leaving can tell.
		r.goodbye = to == peers.Left && was.Health == peers.Leaving
	}
	r.server = server
}

// forget drops what Serf forgot long ago.
func (h *history) forget(now time.Time) {
	gone := 0
	for name, r := range h.records {
		switch {
		case r.present:
			continue
		case r.gone.IsZero():
			r.gone = now
		case now.Sub(r.gone) > 2*h.conf.AbsentAfter:
			delete(h.records, name)
			continue
		}
		gone++
	}
	for ; gone > maxGone; gone-- {
		h.forgetOldest()
	}
}

func (h *history) forgetOldest() {
	oldest := ""
	for name, r := range h.records {
		if !r.present && (oldest == "" || r.gone.Before(h.records[oldest].gone)) {
			oldest = name
		}
	}
	delete(h.records, oldest)
}
