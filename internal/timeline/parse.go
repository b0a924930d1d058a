// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// parser walks the recording member by member, where json.Unmarshal would take
// "AT" for "at", the second of two equal members, and null for nothing at all.
type parser struct {
	data []byte
	dec  *json.Decoder
	path string // of the member being read
}

func (p *parser) recording(t *Timeline) error {
	number := 0
	return p.object("schema events", func(name string) error {
		switch name {
		case "schema":
			if err := read(p, &number); err != nil || number == schema {
				return err
			}
			return fmt.Errorf("is %d, want %d", number, schema)
		case "from":
			return p.time(&t.From)
		case "to":
			return p.time(&t.To)
		case "dropped":
			return read(p, &t.Dropped)
		case "events":
			return p.events(t)
		}
		return errUnknown
	})
}

func (p *parser) events(t *Timeline) error {
	if err := p.open('['); err != nil {
		return err
	}
	for p.dec.More() {
		p.path = fmt.Sprintf("events[%d]", len(t.Events))
		var e Event
		if err := p.object("at kind", func(name string) error { return p.member(&e, name) }); err != nil {
			return err
		}
		t.Events = append(t.Events, e)
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) member(e *Event, name string) error {
	switch name {
	case "at":
		return p.time(&e.At)
	case "server":
		return read(p, &e.Server)
	case "kind":
		return read(p, &e.Kind)
	case "term":
		return read(p, &e.Term)
	case "text":
		return read(p, &e.Text)
	}
	return errUnknown
}

var (
	errUnknown  = errors.New("unknown member")
	errRepeated = errors.New("repeated member")
)

// object reads one object, calling member for each name with the decoder before
// the value. The names in required must all be there.
func (p *parser) object(required string, member func(name string) error) error {
	if err := p.open('{'); err != nil {
		return err
	}
	outer := p.path
	var seen []string
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		name := token.(string) // json.Decoder returns no other token here
		p.path = strings.TrimPrefix(outer+"."+clip(name), ".")
		if slices.Contains(seen, name) {
			return errRepeated
		}
		if err := member(name); err != nil {
			return err
		}
		seen = append(seen, name)
	}
	p.path = outer
	for name := range strings.FieldsSeq(required) {
		if !slices.Contains(seen, name) {
			return fmt.Errorf("member %q is missing", name)
		}
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) open(want json.Delim) error {
	token, err := p.dec.Token()
	if err == nil && token != want {
		err = fmt.Errorf("want '%v'", want)
	}
	return err
}

func (p *parser) time(at *time.Time) error {
	if err := read(p, at); err != nil {
		return err
	}
	*at = plain(*at)
	if year := at.Year(); year < 0 || year > 9999 {
		return errors.New("in UTC, outside the years 0 to 9999")
	}
	return nil
}

// read decodes the next value into v, which must be there and not be null.
func read[T any](p *parser, v *T) error {
	var raw json.RawMessage
	if err := p.dec.Decode(&raw); err != nil {
		return err
	}
	if bytes.Equal(raw, []byte("null")) {
		return errors.New("is null")
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// clip keeps an error message short, whatever the recording has for a name.
func clip(name string) string { return shorten(ascii(name), 40) }
