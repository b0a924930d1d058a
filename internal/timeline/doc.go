// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package timeline draws who led a raft cluster when, and never draws a calm
// that was not there: where more happened than a column can show, it says so.
//
// A log of the same run tells one server's story at a time. The timeline puts
// all servers under one clock, so that two leaders, a flap or an establish that
// outlives its tenure is a shape one sees and not a sum one does.
//
// # Usage
//
// Give a [Recorder] to whatever observes the cluster, and print its [Timeline]
// when a test fails:
//
//	rec := timeline.NewRecorder(0)
//	rec.Record(timeline.Event{Server: "n1", Kind: timeline.Gain, Term: 4})
//	t.Log("\n" + rec.Timeline().Text(0))
//
// # Guarantees
//
//  1. Recording never waits for a reader: [Recorder.Record] holds one mutex for
//     a copy of one event, and allocates nothing once the ring is full.
//  2. What the ring forgot is counted, and the pictures print the count.
//  3. A column shows a server's standing only if the server went one way within
//     it, up or down; if it turned back, the column shows '#'.
//  4. No line of [Timeline.Text] is longer than the width asked for (see there
//     for the narrowest), and every byte of it is printable ASCII or newline.
//  5. Equal timelines give equal bytes, as text, SVG and JSON, on every platform:
//     all positions are computed in integers.
//  6. [Read] accepts what [Timeline.WriteJSON] writes and refuses unknown,
//     repeated or missing members, and trailing data. It never panics.
//  7. Whatever is in a server's name or in a text, the SVG is well-formed XML
//     that runs nothing and loads nothing.
//
// # Standing
//
// The pictures are drawn from a small state machine per server ([Kind] tells how
// each event moves it). It trusts the events: it invents no loss and no heal. The
// one guess it makes is for what came before a server's first event, so that a
// ring that has forgotten the gain still draws the tenure up to its loss.
package timeline
