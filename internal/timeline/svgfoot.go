// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"time"
)

const (
	faultColour = "#a40e26"
	noteColour  = "#57606a"
)

// grid draws the rows' frame and the ticks of the time axis.
func (d *svgDrawing) grid() {
	step := d.tickStep(d.right-d.left+1, 24, charWidth)
	for at := time.Duration(0); at >= 0 && at <= d.span; at += step {
		x := d.x(at)
		d.put(`<path d="M%d %dV%d" stroke="#e4e8ec"/>`, x, d.top, d.bottom+5)
		anchor := "middle"
		if x+len(offset(at))*charWidth/2 > svgWidth-6 {
			anchor, x = "end", svgWidth-6
		}
		d.put(`<text x="%d" y="%d" text-anchor="%s" font-size="11" fill="#57606a">%s</text>`, x, d.bottom+19, anchor, offset(at))
	}
	d.put(`<path d="M%d %dH%d" stroke="#8c959f"/>`, d.left, d.bottom, d.end())
	d.below = d.bottom + 28
}

// bands shades the faults: over all rows, or over one server's. Where faults of
// a row overlap it is shaded once, so that many do not drown the bars.
func (d *svgDrawing) bands() {
	shaded, free := map[string]int{}, map[string]int{}
	for i, f := range d.faults {
		x, end := d.x(f.from), d.x(f.to)
		if f.open {
			end = d.end()
		}
		end = max(end, x+3)
		y, height := d.rows(f.server)
		left := max(x, shaded[f.server])
		d.put(`<rect x="%d" y="%d" width="%d" height="%d" fill="#ff8182" fill-opacity="0.18"><title>%s</title></rect>`,
			left, y, max(end-left, 0), height, escape(d.describe(f)))
		d.put(`<path d="M%d %dv%dm%d 0v-%d" fill="none" stroke="#cf222e" stroke-dasharray="3 3" stroke-opacity="0.6"/>`,
			x, y, height, end-x, height)
		shaded[f.server] = max(end, shaded[f.server])
		if i >= len(faultTags) {
			continue
		}
		tagX, tagY := max(x, end-18), y+11 // at the end: terms are written where tenures begin
		if f.server == "" {
			tagX, tagY = x, y-11
		}
		free[f.server] = d.tag(faultTags[i], max(tagX+9, free[f.server]), tagY, faultColour)
	}
}

// rows returns the upper edge and the height of a server's row, or of all rows.
func (d *svgDrawing) rows(server string) (y, height int) {
	for row, tr := range d.tracks {
		if server != "" && server == tr.server {
			return d.top + row*rowHeight + 3, rowHeight
		}
	}
	return d.top, d.bottom - d.top
}

// tag draws a letter in a disc and returns where the next one may stand.
func (d *svgDrawing) tag(letter byte, x, y int, colour string) int {
	d.put(`<circle cx="%d" cy="%d" r="8" fill="%s"/><text x="%d" y="%d" text-anchor="middle" font-size="11" font-weight="600" fill="#ffffff">%c</text>`,
		x, y, colour, x, y+4, letter)
	return x + 18
}

// tagNotes draws a line and a number for each note.
func (d *svgDrawing) tagNotes() {
	free, drawn := 0, 0
	y := margin + 9
	for i, n := range d.notes {
		x := d.x(n.from)
		if x == drawn && i >= len(noteTags) {
			continue // a second line on the first shows nothing
		}
		drawn = x
		d.put(`<path d="M%d %dV%d" stroke="#57606a" stroke-dasharray="1 3"><title>%s</title></path>`,
			x, y, d.bottom, escape(d.describe(n)))
		if i < len(noteTags) {
			free = d.tag(noteTags[i], max(x, free), y, noteColour)
		}
	}
}

// foot writes what stands under the plot.
func (d *svgDrawing) foot() {
	d.legend()
	d.list(d.faults, faultTags, faultColour)
	d.list(d.notes, noteTags, noteColour)
	d.say("0s is " + d.origin())
}

func (d *svgDrawing) list(all []episode, tags, colour string) {
	for i, e := range all {
		if i == len(tags) {
			d.say(fmt.Sprintf("%d more", len(all)-i))
			return
		}
		d.tag(tags[i], margin+8, d.below+8, colour)
		d.put(`<text x="%d" y="%d">%s</text>`, margin+24, d.below+12, escape(shorten(d.describe(e), 115)))
		d.below += 20
	}
}

// say writes a line of small print.
func (d *svgDrawing) say(s string) {
	if s == "" {
		return
	}
	d.put(`<text x="%d" y="%d" font-size="11" fill="#57606a">%s</text>`, margin, d.below+12, escape(s))
	d.below += 18
}

// legend shows the signs used, each with its meaning, as many to a line as fit.
func (d *svgDrawing) legend() {
	x := margin
	d.below += 4
	for _, m := range meanings {
		if !d.used[m.mark] {
			continue
		}
		width := 34 + len(m.text)*6 + 20
		if x > margin && x+width > svgWidth-margin {
			x = margin
			d.below += 20
		}
		d.swatch(m.mark, x, d.below+8)
		d.put(`<text x="%d" y="%d">%s</text>`, x+34, d.below+12, m.text)
		x += width
	}
	if x > margin {
		d.below += 24
	}
}

func (d *svgDrawing) swatch(m mark, x, mid int) {
	switch m {
	case markFollows:
		d.put(`<path d="M%d %dh26" stroke="#8c959f" stroke-width="1.5"/>`, x, mid)
	case markDown:
		d.put(`<path d="M%d %dh26" stroke="#8c959f" stroke-width="1.5" stroke-dasharray="1.5 5"/>`, x, mid)
	case markLost:
		d.put(signLostInk, x+9, mid-5)
	case markRevoked:
		d.put(signRevoked, x+14, mid-6)
	case markSeveral:
		d.put(`<rect x="%d" y="%d" width="26" height="14" fill="url(#tl-several)" stroke="#24292f"/>`, x, mid-7)
	case markStands:
		d.put(`<rect x="%d" y="%d" width="26" height="10" fill="#fff8c5" stroke="#9a6700"/>`, x, mid-5)
	default:
		d.put(`<rect x="%d" y="%d" width="26" height="14" rx="2" fill="%s" stroke="#0a3069" stroke-opacity="0.6"/>`, x, mid-7, fills[m])
	}
}
