// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"time"
)

// tenure is one server's leading, as far as it is in the picture.
type tenure struct {
	from, to time.Duration
	term     uint64
	open     bool // it has not ended within the picture
}

func (p picture) tenures(tr track) []tenure {
	var all []tenure
	now := tenure{term: tr.first.term}
	for i, s := range tr.steps {
		if s.lost() || s.again() {
			now.to = tr.at[i]
			all = append(all, now)
		}
		if s.Kind == Gain {
			now = tenure{from: tr.at[i], term: s.is.term}
		}
	}
	last := tr.first
	if n := len(tr.steps); n > 0 {
		last = tr.steps[n-1].is
	}
	if last.role == leads {
		now.to, now.open = p.span, true
		all = append(all, now)
	}
	return all
}

// group is a run of steps that are too close to be told apart.
type group struct {
	tally
	steps []step
	at    []time.Duration
}

func (d *svgDrawing) groups(tr track) []group {
	var all []group
	for i, s := range tr.steps {
		if s.was == s.is && s.Kind != Gain {
			continue // a heal, or news already known
		}
		if i == 0 || len(all) == 0 || d.x(tr.at[i])-d.x(last(all)) > tooClose {
			all = append(all, group{})
		}
		g := &all[len(all)-1]
		g.add(s)
		g.steps = append(g.steps, s)
		g.at = append(g.at, tr.at[i])
	}
	return all
}

func last(all []group) time.Duration {
	g := all[len(all)-1]
	return g.at[len(g.at)-1]
}

// summary tells the picture in words, for those who do not see it. The words are
// as bounded as the picture: beyond some tenures they say how many more.
func (p picture) summary() (title, desc string) {
	const told = 24
	n := 0
	for _, tr := range p.tracks {
		for _, t := range p.tenures(tr) {
			if n++; n <= told {
				desc += fmt.Sprintf("%s led term %d, %s..%s. ", shorten(tr.server, 40), t.term, p.moment(t.from), p.moment(t.to))
			}
		}
	}
	if n > told {
		desc += fmt.Sprintf("And %s. ", plural(n-told, "tenure more", "tenures more"))
	}
	for i, f := range p.faults {
		if i < len(faultTags) {
			desc += "Fault: " + p.describe(f) + ". "
		}
	}
	title = fmt.Sprintf("Who led when: %s, %s, %s", plural(len(p.tracks), "server", "servers"),
		plural(n, "tenure", "tenures"), p.moment(p.span))
	return title, desc
}
