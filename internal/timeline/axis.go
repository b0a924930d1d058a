// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"strings"
	"time"
)

// Units in which a reader counts: 1, 2, 5 below the second, clock steps above.
var clockSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// tickSteps yields the distances of ticks worth trying, in rising order.
func tickSteps(yield func(time.Duration) bool) {
	for d := time.Nanosecond; d < time.Second; d *= 10 {
		if !yield(d) || !yield(2*d) || !yield(5*d) {
			return
		}
	}
	for _, d := range clockSteps {
		if !yield(d) {
			return
		}
	}
	for d := 48 * time.Hour; d > 0 && d < 1<<62; d *= 2 {
		if !yield(d) {
			return
		}
	}
}

// tickStep returns the smallest distance whose labels stand clear of each other,
// where n places are room for the span and a label needs its length and pad.
func (p picture) tickStep(n, pad, char int) time.Duration {
	for step := range tickSteps {
		if p.span/step <= time.Duration(n/(2*char)) && p.clear(step, n, pad, char) {
			return step
		}
	}
	return p.span + 1 // a single tick, at 0
}

func (p picture) clear(step time.Duration, n, pad, char int) bool {
	end := 0
	for at := time.Duration(0); at >= 0 && at <= p.span; at += step {
		x := p.place(at, n)
		if at > 0 && x < end {
			return false
		}
		end = x + pad + char*len(offset(at))
	}
	return true
}

// offset is d as a label, in ASCII: 1m30s, 1h and not 1h0m0s.
func offset(d time.Duration) string {
	s := strings.Replace(d.String(), "µ", "u", 1)
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// moment is d rounded to what the picture can resolve, for lists: in a run of
// minutes nobody reads microseconds.
func (p picture) moment(d time.Duration) string {
	unit := time.Duration(1)
	for unit < time.Second && unit*10 <= p.span/1000 {
		unit *= 10
	}
	return offset(d.Round(unit))
}

// origin is the time at the axis' zero.
func (p picture) origin() string { return p.from.Format(time.RFC3339Nano) }

// drops says what the recorder forgot, if anything.
func (p picture) drops() string {
	if p.dropped == 0 {
		return ""
	}
	return plural(p.dropped, "older event", "older events") + " dropped"
}
