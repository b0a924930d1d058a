// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"slices"
	"time"
)

// Timeline is a recorded run, or a window of one.
type Timeline struct {
	// Servers are the servers of Events, sorted.
	Servers []string
	// Events are in the order of their times, and of recording within one time.
	Events []Event
	// Dropped counts the older events that the recorder no longer had.
	Dropped uint64
	// From and To bound the picture; zero is the first and the last event.
	From, To time.Time
}

// String is Text(0), so that a Timeline can be given to t.Log as it is.
func (t Timeline) String() string { return t.Text(0) }

// Between returns the window from..to of t, both ends included; a zero time leaves
// that end as it is. It cuts the picture and not the events: how a server stood
// at from is known only by what came before.
func (t Timeline) Between(from, to time.Time) Timeline {
	if !from.IsZero() {
		t.From = plain(from)
	}
	if !to.IsZero() {
		t.To = plain(to)
	}
	return t
}

// arrange returns t as every part of the package wants it: times in UTC without
// the monotonic clock's reading (two recordings are compared and encoded by wall
// time only), events in order, servers from the events. It keeps its hands off
// the slices it was given.
func arrange(t Timeline) Timeline {
	t.Events = slices.Clone(t.Events)
	t.Servers = slices.Clone(t.Servers)
	for i := range t.Events {
		e := &t.Events[i]
		e.At = plain(e.At)
		if e.Server != "" {
			t.Servers = append(t.Servers, e.Server)
		}
	}
	slices.SortStableFunc(t.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	slices.Sort(t.Servers)
	t.Servers = slices.Compact(t.Servers)
	t.From, t.To = plain(t.From), plain(t.To)
	return t
}

func plain(at time.Time) time.Time { return at.Round(0).UTC() }

// bounds returns the window to draw: From and To, or what the events span.
func (t Timeline) bounds() (from, to time.Time) {
	from, to = t.From, t.To
	if n := len(t.Events); n > 0 {
		if from.IsZero() {
			from = t.Events[0].At
		}
		if to.IsZero() {
			to = t.Events[n-1].At
		}
	}
	if to.Before(from) {
		to = from
	}
	return from, to
}
