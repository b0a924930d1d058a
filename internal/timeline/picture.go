// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"math/bits"
	"time"
)

// picture is a timeline prepared for drawing: offsets instead of times, a track
// for each server, faults paired with their heals. Text and SVG draw the same
// picture, so that they cannot disagree.
type picture struct {
	from    time.Time
	span    time.Duration // 0 if all happened at one instant
	tracks  []track
	faults  []episode
	notes   []episode
	dropped uint64
}

// track is one server's way through the picture.
type track struct {
	server string
	first  standing // at the left edge
	steps  []step   // in the picture
	at     []time.Duration
}

// episode is a fault from its beginning to its heal, or a note.
type episode struct {
	server, text string
	from, to     time.Duration
	open         bool // not healed within the picture
}

func (t Timeline) picture() picture {
	t = arrange(t)
	from, to := t.bounds()
	p := picture{from: from, span: to.Sub(from), dropped: t.Dropped}
	for _, server := range t.Servers {
		p.tracks = append(p.tracks, t.track(server, from, p.span))
	}
	p.faults = t.faults(from, p.span)
	for _, e := range t.Events {
		if at := e.At.Sub(from); e.Kind == Note && at >= 0 && at <= p.span {
			p.notes = append(p.notes, episode{e.Server, e.Text, at, at, false})
		}
	}
	return p
}

func (t Timeline) track(server string, from time.Time, span time.Duration) track {
	tr := track{server: server}
	var now standing
	seen := false
	for _, e := range t.Events {
		if e.Server != server && e.Server != "" || e.Kind == Fault || e.Kind == Note {
			continue
		}
		if !seen && e.Kind != Heal {
			now, seen = before(e), true
			tr.first = now
		}
		was := now
		now = now.next(e)
		switch at := e.At.Sub(from); {
		case at < 0:
			tr.first = now
		case at <= span:
			tr.steps = append(tr.steps, step{e, was, now})
			tr.at = append(tr.at, at)
		}
	}
	return tr
}

// faults pairs each Fault with its Heal and returns those within the picture.
func (t Timeline) faults(from time.Time, span time.Duration) []episode {
	var all []episode
	for _, e := range t.Events {
		at := e.At.Sub(from)
		switch {
		case at > span:
		case e.Kind == Fault:
			all = append(all, episode{e.Server, e.Text, at, span, true})
		case e.Kind == Heal:
			heal(all, e, at)
		}
	}
	within := all[:0]
	for _, f := range all {
		f.from = max(f.from, 0)
		if f.to >= 0 {
			within = append(within, f)
		}
	}
	return within
}

func heal(faults []episode, e Event, at time.Duration) {
	named := false // is there a fault of this very text to end?
	for _, f := range faults {
		named = named || f.open && f.server == e.Server && f.text == e.Text
	}
	for i := range faults {
		f := &faults[i]
		whole := e.Server == "" && e.Text == ""
		mine := f.server == e.Server && (f.text == e.Text || !named || e.Text == "")
		if f.open && (whole || mine) {
			f.to, f.open = at, false
		}
	}
}

// place maps an offset to one of n places of equal width, the end into the last.
// In integers: a float would round differently where a CPU fuses multiply and
// add, and a golden picture would then depend on the machine.
func (p picture) place(at time.Duration, n int) int {
	if p.span <= 0 || at <= 0 || n <= 1 {
		return 0
	}
	if at >= p.span {
		return n - 1
	}
	hi, lo := bits.Mul64(uint64(at), uint64(n))
	i, _ := bits.Div64(hi, lo, uint64(p.span)) // at < span, so it fits
	return int(i)
}
