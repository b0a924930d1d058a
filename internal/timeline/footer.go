// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"slices"
	"strings"
)

// Faults and notes are too long to stand in the picture: a tag stands there, and
// the list below it has the text.
const (
	faultTags = "ABCDEFGHI"
	noteTags  = "123456789"
	maxLanes  = 4 // rows of faults; beyond that, they share columns
)

func tag(tags string, i int) mark {
	if i < len(tags) {
		return mark(tags[i])
	}
	return markUnlisted
}

// episodes writes the rows of tags. Episodes that overlap get rows of their own,
// up to maxLanes; what still overlaps is marked as several.
func (d *textDrawing) episodes(name string, all []episode, tags string) {
	var lanes [][]mark
	for i, e := range all {
		from, to := d.place(e.from, d.cols), d.place(e.to, d.cols)
		lane := slices.IndexFunc(lanes, func(row []mark) bool {
			return free(row[from : to+1])
		})
		if lane < 0 && len(lanes) < maxLanes {
			lanes = append(lanes, slices.Repeat([]mark{markUnseen}, d.cols))
			lane = len(lanes) - 1
		}
		several := lane < 0
		if several {
			lane = len(lanes) - 1
		}
		row := lanes[lane]
		for x := from; x <= to; x++ {
			row[x] = tag(tags, i)
			if several {
				row[x] = markSeveral
				d.used[markSeveral] = true
			}
		}
	}
	for i, row := range lanes {
		if i > 0 {
			name = ""
		}
		d.row(name, row)
	}
}

func free(row []mark) bool {
	return !slices.ContainsFunc(row, func(m mark) bool { return m != markUnseen })
}

// list writes what the tags stand for.
func (d *textDrawing) list(all []episode, tags string) {
	for i, e := range all {
		if i == len(tags) {
			d.footer(fmt.Sprintf("%c  %d more", markUnlisted, len(all)-i))
			return
		}
		d.footer(string(rune(tag(tags, i))) + "  " + d.describe(e))
	}
}

// describe is an episode in words: when, whose, what.
func (p picture) describe(e episode) string {
	s := p.moment(e.from)
	switch {
	case e.open:
		s += " on"
	case e.to > e.from:
		s += ".." + p.moment(e.to)
	}
	if e.server != "" {
		s += "  " + e.server + ":"
	}
	if e.text != "" {
		s += "  " + e.text
	}
	return s
}

// legend writes the marks used, as many to a line as there is room for.
func (d *textDrawing) legend() {
	line := ""
	for _, m := range meanings {
		if !d.used[m.mark] {
			continue
		}
		entry := string(rune(m.mark)) + " " + m.text
		if line != "" && 2+len(line)+3+len(entry) > d.width {
			d.footer(line)
			line = ""
		}
		if line != "" {
			line += "   "
		}
		line += entry
	}
	d.footer(line)
}

// footer writes a line below the picture, cut to the width.
func (d *textDrawing) footer(s string) {
	if s = strings.TrimRight(shorten(ascii(s), d.width-2), " "); s != "" {
		d.b.WriteString("  " + s + "\n")
	}
}
