// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultWidth = 80
	minWidth     = 40   // room for the longest line that is not cut, the time of 0s
	maxWidth     = 1000 // above it nobody reads, and a slip must not eat the memory
)

// Text draws the timeline in at most width columns of printable ASCII: a row for
// each server, the term above the column in which it was gained, the time below,
// then what the marks and letters mean. A width of 0 or less means 80; other
// widths are brought into 40..1000.
//
//	term   4          5         6
//	n1     =eLLLLLLLx!.......................
//	n2     .........ceeeexrr!................
//	n3     ..................ceLLLLLLLLLLLLLL
//	time   |0s       |1s       |2s       |3s
func (t Timeline) Text(width int) string {
	if width <= 0 {
		width = defaultWidth
	}
	d := textDrawing{picture: t.picture(), width: min(max(width, minWidth), maxWidth)}
	if len(t.Events) == 0 {
		d.footer("no events")
		d.footer(d.drops())
		return d.b.String()
	}
	d.layOut()
	d.terms()
	for i, tr := range d.tracks {
		marks := d.marks(tr, d.cols)
		d.row(d.names[i], marks)
		for _, m := range marks {
			d.used[m] = true
		}
	}
	d.episodes("fault", d.faults, faultTags)
	d.episodes("note", d.notes, noteTags)
	d.axis()
	d.legend()
	d.list(d.faults, faultTags)
	d.list(d.notes, noteTags)
	d.footer("0s is " + d.origin())
	d.footer(d.drops())
	return d.b.String()
}

type textDrawing struct {
	picture
	b      strings.Builder
	width  int
	names  []string // of the tracks, cut to fit
	gutter int      // columns before the picture
	cols   int      // columns of the picture
	used   [256]bool
}

func (d *textDrawing) layOut() {
	longest := len("fault")
	for _, tr := range d.tracks {
		name := shorten(ascii(tr.server), max(longest, d.width/4))
		d.names = append(d.names, name)
	}
	for _, name := range d.names {
		longest = max(longest, len(name))
	}
	d.gutter = longest + 2
	d.cols = d.width - d.gutter
	if d.span == 0 {
		d.cols = 1 // all in one instant: a second column would be invented
	}
}

// line writes one line, without blanks at its end.
func (d *textDrawing) line(name, body string) {
	s := fmt.Sprintf("%-*s%s", d.gutter, name, body)
	d.b.WriteString(strings.TrimRight(s, " "))
	d.b.WriteByte('\n')
}

func (d *textDrawing) row(name string, marks []mark) {
	body := make([]byte, len(marks))
	for i, m := range marks {
		body[i] = byte(m)
	}
	d.line(name, string(body))
}

// terms writes each term above the column in which it was gained. A label that
// has no room leaves a '+' after the one before it.
func (d *textDrawing) terms() {
	row := d.blank()
	end := 0     // first column free for a label
	more := true // there is a '+' after the last label, or none to put it after
	for _, g := range d.gains() {
		label := strconv.FormatUint(g.term, 10)
		x := max(min(d.place(g.at, d.cols), d.cols-len(label)), 0)
		switch {
		case x >= end && x+len(label) <= d.cols:
			copy(row[x:], label)
			end, more = x+len(label)+1, false
		case !more && end <= d.cols:
			row[end-1] = byte(markMore)
			d.used[markMore] = true
			end, more = end+1, true
		}
	}
	d.line("term", string(row))
}

func (d *textDrawing) blank() []byte { return slices.Repeat([]byte{' '}, d.cols) }

// gain is a tenure's beginning, or the tenure that the left edge cuts.
type gain struct {
	at   time.Duration
	term uint64
}

// gains returns the terms to label, by time. A server that gains the term it has
// just lost is labelled again: it is another tenure.
func (p picture) gains() []gain {
	var all []gain
	for _, tr := range p.tracks {
		if tr.first.role == leads && tr.first.term > 0 {
			all = append(all, gain{0, tr.first.term})
		}
		for i, s := range tr.steps {
			if s.Kind == Gain && s.is.term > 0 {
				all = append(all, gain{tr.at[i], s.is.term})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b gain) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return int(min(max(int64(a.term-b.term), -1), 1))
	})
	return all
}

func (d *textDrawing) axis() {
	row := d.blank()
	step := d.tickStep(d.cols, 3, 1)
	for at := time.Duration(0); at >= 0 && at <= d.span; at += step {
		x, label := d.place(at, d.cols), "|"+offset(at)
		if x+len(label) <= d.cols {
			copy(row[x:], label)
		} else if d.cols == 1 {
			row = []byte(label)
		}
	}
	d.line("time", string(row))
}
