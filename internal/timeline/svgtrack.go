// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"time"
)

// fills say how a standing is drawn as a bar; what has none is a line.
var fills = map[mark]string{
	markStands: "#fff8c5",
	markLeads:  "#b6e3ff",
	markWorks:  "url(#tl-establish)",
	markServes: "#0969da",
	markOwed:   "url(#tl-revoke)",
	markStuck:  "url(#tl-stuck)",
}

// track draws one server's row, whose upper edge is y: lines and bars, then the
// ends of tenures on top of them, then blocks over what is too close to draw.
func (d *svgDrawing) track(tr track, y int) {
	mid := y + rowHeight - 4 - barHeight/2
	d.put(`<text x="%d" y="%d" text-anchor="end" font-weight="600">%s</text>`, d.left-14, mid+4, escape(d.name(tr)))
	d.standings(tr, mid)
	for _, t := range d.tenures(tr) {
		x, end := d.x(t.from), d.x(t.to)
		if t.open {
			end = d.end()
		}
		d.put(`<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="none" stroke="#0a3069"/>`,
			x, mid-barHeight/2, max(end-x, 3), barHeight)
	}
	free := 0 // where the next label may begin
	for _, g := range d.groups(tr) {
		if g.turned() {
			free = d.block(g, mid, free)
			continue
		}
		for i, s := range g.steps {
			d.ends(s, d.x(g.at[i]), mid)
			if s.Kind == Gain {
				free = d.term(s.is.term, d.x(g.at[i]), mid, free)
			}
		}
	}
	if tr.first.role == leads && !d.gainedAt(tr, 0) {
		d.term(tr.first.term, d.left, mid, 0)
	}
}

func (d *svgDrawing) gainedAt(tr track, at time.Duration) bool {
	return len(tr.at) > 0 && tr.at[0] == at && tr.steps[0].Kind == Gain
}

// standings draws what lasts: the line or bar from each change to the next.
func (d *svgDrawing) standings(tr track, mid int) {
	now, from := tr.first, time.Duration(0)
	for i, s := range tr.steps {
		if s.is == now {
			continue
		}
		if tr.at[i] > from {
			d.standing(tr.server, now, from, tr.at[i], d.x(tr.at[i]), mid)
		}
		now, from = s.is, tr.at[i]
	}
	d.standing(tr.server, now, from, d.span, d.end(), mid)
}

func (d *svgDrawing) standing(server string, s standing, from, to time.Duration, end, mid int) {
	m := s.mark()
	d.used[m] = true
	x := d.x(from)
	if fills[m] == "" {
		d.idle(m, x, end, mid)
		return
	}
	height := subHeight
	if s.role == leads {
		height = barHeight
	}
	stroke := ""
	if m == markStands {
		stroke = ` stroke="#9a6700"`
	}
	d.put(`<rect x="%d" y="%d" width="%d" height="%d" fill="%s"%s><title>%s</title></rect>`,
		x, mid-height/2, max(end-x, 2), height, fills[m], stroke,
		escape(fmt.Sprintf("%s: %s, term %d, %s..%s", server, m.meaning(), s.term, d.moment(from), d.moment(to))))
	if m == markStuck && end-x > 20 {
		d.put(`<text x="%d" y="%d" text-anchor="middle" font-weight="700" stroke="#ffffff" stroke-width="3" paint-order="stroke">?</text>`, (x+end)/2, mid+4)
	}
}

// idle draws a server that does nothing of note: a line, dotted while it is down.
func (d *svgDrawing) idle(m mark, x, end, mid int) {
	switch m {
	case markDown:
		d.put(`<path d="M%d %dH%d" stroke="#8c959f" stroke-width="1.5" stroke-dasharray="1.5 5"/>`, x, mid, end)
		if end-x > 60 {
			d.put(`<text x="%d" y="%d" font-size="11" fill="#57606a">down</text>`, x+8, mid-6)
		}
	case markFollows:
		d.put(`<path d="M%d %dH%d" stroke="#8c959f" stroke-width="1.5"/>`, x, mid, end)
	}
}

// ends marks a tenure that was lost and work that was revoked.
func (d *svgDrawing) ends(s step, x, mid int) {
	if s.Kind == Revoked {
		d.used[markRevoked] = true
		d.put(signRevoked, x, mid-6)
	}
	if s.lost() || s.again() {
		d.used[markLost] = true
		d.put(signLost+signLostInk, x-5, mid-5, x-5, mid-5)
	}
}

// Signs are drawn, not typed: a font might lack them.
const (
	signLost    = `<path d="M%d %dl10 10m0 -10l-10 10" stroke="#ffffff" stroke-width="6" stroke-linecap="round"/>`
	signLostInk = `<path d="M%d %dl10 10m0 -10l-10 10" stroke="#cf222e" stroke-width="2.5" stroke-linecap="round"/>`
	signRevoked = `<path d="M%d %dl6 6l-6 6l-6 -6z" fill="#ffffff" stroke="#7d4e00" stroke-width="1.5"/>`
)

// term labels a tenure above its beginning, if nothing is written there, and
// returns where the label ends.
func (d *svgDrawing) term(term uint64, x, mid, free int) int {
	label := fmt.Sprintf("term %d", term)
	x = min(x, d.right-len(label)*charWidth)
	if term == 0 || x < free {
		return free
	}
	d.put(`<text x="%d" y="%d" font-size="11" fill="#0a3069">%s</text>`, x, mid-barHeight/2-5, label)
	return x + len(label)*charWidth
}

// block stands for steps too close to draw, and says how many they are.
func (d *svgDrawing) block(g group, mid, free int) int {
	d.used[markSeveral] = true
	from, to := g.at[0], g.at[len(g.at)-1]
	x := d.x(from) - 2
	width := max(d.x(to)+2-x, 8)
	d.put(`<rect x="%d" y="%d" width="%d" height="%d" fill="url(#tl-several)" stroke="#24292f"><title>%d changes, %s..%s</title></rect>`,
		x, mid-barHeight/2, width, barHeight, len(g.steps), d.moment(from), d.moment(to))
	label := fmt.Sprintf("#%d", len(g.steps))
	if is := g.steps[len(g.steps)-1].is; is.role == leads && is.term > 0 {
		label += fmt.Sprintf(", term %d", is.term)
	}
	x = min(x, d.right-len(label)*charWidth)
	if x < free {
		return free
	}
	d.put(`<text x="%d" y="%d" font-size="11" font-weight="600">%s</text>`, x, mid-barHeight/2-5, label)
	return x + len(label)*charWidth
}
