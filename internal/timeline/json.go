// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxSize is the largest recording, in bytes, that Read takes and WriteJSON
// writes: some ten thousand events.
const MaxSize = 1 << 20

// schema is the format's number, the first member of a recording.
const schema = 1

// ErrTooLarge is what Read and WriteJSON return for more than MaxSize bytes.
var ErrTooLarge = fmt.Errorf("timeline: recording larger than %d bytes", MaxSize)

// WriteJSON writes the timeline as Read takes it: members in a fixed order, times
// in UTC, one event to a line, so that recordings can be compared with diff. An
// id or text that is not valid UTF-8 has the bad bytes replaced by U+FFFD.
func (t Timeline) WriteJSON(w io.Writer) error {
	t = arrange(t)
	head, err := json.Marshal(struct {
		Schema  int       `json:"schema"`
		From    time.Time `json:"from,omitzero"`
		To      time.Time `json:"to,omitzero"`
		Dropped uint64    `json:"dropped,omitempty"`
	}{schema, t.From, t.To, t.Dropped})
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	b := bytes.NewBuffer(head)
	b.Truncate(len(head) - 1) // the events come within its brace
	b.WriteString(",\"events\":[")
	for i, e := range t.Events {
		if err := appendEvent(b, i, e); err != nil {
			return err
		}
	}
	b.WriteString("\n]}\n")
	if b.Len() > MaxSize {
		return ErrTooLarge
	}
	_, err = w.Write(b.Bytes())
	return err
}

func appendEvent(b *bytes.Buffer, i int, e Event) error {
	if i > 0 {
		b.WriteByte(',')
	}
	b.WriteByte('\n')
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // a text like "n1 -> n2" shall stay readable
	if err := enc.Encode(e); err != nil {
		return fmt.Errorf("timeline: events[%d]: %w", i, err)
	}
	b.Truncate(b.Len() - 1) // Encode ends the line, which is for the comma to do
	return nil
}

// Read reads a recording of at most MaxSize bytes. It refuses, with the place and
// the reason, what WriteJSON would not have written: unknown, repeated, missing
// or null members, and anything after the recording.
func Read(r io.Reader) (Timeline, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return Timeline{}, fmt.Errorf("timeline: %w", err)
	}
	if len(data) > MaxSize {
		return Timeline{}, ErrTooLarge
	}
	t, err := parse(data)
	if err != nil {
		return Timeline{}, err
	}
	return arrange(t), nil
}

func parse(data []byte) (Timeline, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		at := int64(len(data))
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = syntax.Offset - 1 // it counts the offending byte
		}
		return Timeline{}, placed(data, at, "", err)
	}
	p := parser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	var t Timeline
	if err := p.recording(&t); err != nil {
		return Timeline{}, placed(data, p.dec.InputOffset(), p.path, err)
	}
	return t, nil
}

// placed says where in data an error is, for an editor and for a reader.
func placed(data []byte, offset int64, path string, err error) error {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	if path != "" {
		path += ": "
	}
	return fmt.Errorf("timeline: line %d, column %d: %s%w", line, column, path, err)
}
