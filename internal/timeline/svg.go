// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The picture's measures, in px. All are integers, and so is all arithmetic with
// them: see picture.place.
const (
	svgWidth  = 900
	rowHeight = 46
	barHeight = 20 // what leads
	subHeight = 10 // what does not
	tooClose  = 3  // steps no further apart are drawn as one block if they turn back
	charWidth = 7  // generous, for whatever sans serif font the reader has
	margin    = 20
)

// svgHead has the hatchings: no colour in the picture means anything that its
// pattern, its height or its label does not tell as well.
const svgHead = `<defs>
<pattern id="tl-establish" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="7" height="7" fill="#ddf4ff"/><rect width="3" height="7" fill="#54aeff"/></pattern>
<pattern id="tl-revoke" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="7" height="7" fill="#fff1d6"/><rect width="3" height="7" fill="#d4901a"/></pattern>
<pattern id="tl-stuck" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#fbefff"/><path d="M0 0L6 6M6 0L0 6" stroke="#8250df"/></pattern>
<pattern id="tl-several" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="#ffffff"/><rect width="2" height="4" fill="#24292f"/></pattern>
</defs>
`

// SVG writes the timeline as one self-contained picture, 900 px wide, for a light
// page or a dark one. It has no script and no reference to anything outside.
func (t Timeline) SVG(w io.Writer) error {
	d := svgDrawing{picture: t.picture()}
	d.layOut()
	d.below = d.bottom + 4
	if len(t.Events) == 0 {
		d.say("no events")
	} else {
		d.grid()
		d.bands()
		for i, tr := range d.tracks {
			d.track(tr, d.top+i*rowHeight)
		}
		d.tagNotes()
		d.foot()
	}
	d.say(d.drops())
	_, err := io.WriteString(w, d.document())
	return err
}

type svgDrawing struct {
	picture
	b           strings.Builder
	left, right int // of the plot
	top, bottom int
	below       int // where the next line under the plot goes
	used        [256]bool
}

func (d *svgDrawing) layOut() {
	longest := 0
	for _, tr := range d.tracks {
		longest = max(longest, len([]rune(d.name(tr))))
	}
	d.left = margin + longest*charWidth + 14
	d.right = svgWidth - margin
	d.top = margin
	if len(d.notes) > 0 {
		d.top += 20
	}
	if d.clusterFaults() {
		d.top += 20
	}
	d.bottom = d.top + len(d.tracks)*rowHeight + 6
}

func (d *svgDrawing) clusterFaults() bool {
	for _, f := range d.faults {
		if f.server == "" {
			return true
		}
	}
	return false
}

func (d *svgDrawing) name(tr track) string { return shorten(tr.server, 20) }

// x is where an offset is drawn.
func (d *svgDrawing) x(at time.Duration) int { return d.left + d.place(at, d.right-d.left+1) }

// end is the right edge. With all in one instant there is no time to draw, and the
// stub after it only shows how the servers stand.
func (d *svgDrawing) end() int {
	if d.span == 0 {
		return d.left + 40
	}
	return d.right
}

func (d *svgDrawing) put(format string, args ...any) {
	fmt.Fprintf(&d.b, format+"\n", args...)
}

// document wraps what is drawn; only now is its height known.
func (d *svgDrawing) document() string {
	height := d.below + margin - 8
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="tl-title tl-desc" font-family="-apple-system, 'Segoe UI', 'Liberation Sans', Helvetica, Arial, sans-serif" font-size="12" fill="#24292f">`,
		svgWidth, height, svgWidth, height)
	title, desc := d.summary()
	fmt.Fprintf(&b, "\n<title id=\"tl-title\">%s</title>\n<desc id=\"tl-desc\">%s</desc>\n", escape(title), escape(desc))
	b.WriteString(svgHead)
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#d0d7de"/>`,
		svgWidth-1, height-1)
	return b.String() + "\n" + d.b.String() + "</svg>\n"
}
