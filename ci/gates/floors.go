// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A floor is the least count with which a check still means something.
type floor struct {
	least int64
	unit  string
}

// floors maps "gate/<gate>", "proof/<name>" and "fuzz/<what>" to its floor.
type floors map[string]floor

var floorName = regexp.MustCompile(`^(gate|proof|fuzz)/[a-z0-9][a-z0-9-]*$`)

// parseFloors reads lines of "name least unit...". It refuses whatever it does
// not understand: a floor that is silently dropped is a check that is gone.
func parseFloors(r io.Reader) (floors, error) {
	table := floors{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		if err := table.add(fields); err != nil {
			return nil, fmt.Errorf("floors.txt:%d: %w", n, err)
		}
	}
	return table, lines.Err()
}

func (t floors) add(fields []string) error {
	if len(fields) < 3 {
		return fmt.Errorf("want name, least and unit, got %q", strings.Join(fields, " "))
	}
	name := fields[0]
	if !floorName.MatchString(name) {
		return fmt.Errorf("name %q must be gate/..., proof/... or fuzz/... in lower case", name)
	}
	if _, twice := t[name]; twice {
		return fmt.Errorf("%s is listed twice", name)
	}
	least, err := parseCount(fields[1])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t[name] = floor{least: least, unit: strings.Join(fields[2:], " ")}
	return nil
}

// parseCount accepts 10_000_000, because nobody can count seven zeros.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a count", s)
	}
	return n, nil
}

// checkGateFloors makes table and gates agree in both directions.
func checkGateFloors(table floors, gates []gate) error {
	var errs []error
	known := map[string]bool{}
	for _, g := range gates {
		known["gate/"+g.name] = true
		if _, ok := table["gate/"+g.name]; !ok {
			errs = append(errs, fmt.Errorf("gate %s has no floor in ci/floors.txt", g.name))
		}
	}
	for _, name := range table.names("gate/") {
		if !known[name] {
			errs = append(errs, fmt.Errorf("ci/floors.txt lists %s, and there is no such gate", name))
		}
	}
	return errors.Join(errs...)
}

func (t floors) names(prefix string) []string {
	var names []string
	for name := range t {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A tally adds up the lines "proof: <name> <count> <unit>" that tests print.
type tally struct {
	sums map[string]floor
	errs []error
}

var proofLine = regexp.MustCompile(`(?:^|\s)proof: (.*)`)

func (t *tally) line(text string) {
	m := proofLine.FindStringSubmatch(text)
	if m == nil {
		return
	}
	fields := strings.Fields(m[1])
	if len(fields) < 3 {
		t.errs = append(t.errs, fmt.Errorf("want \"proof: <name> <count> <unit>\", got %q", m[0]))
		return
	}
	count, err := parseCount(fields[1])
	if err != nil {
		t.errs = append(t.errs, fmt.Errorf("proof %s: %w", fields[0], err))
		return
	}
	name, unit := "proof/"+fields[0], strings.Join(fields[2:], " ")
	if old, ok := t.sums[name]; ok && old.unit != unit {
		t.errs = append(t.errs, fmt.Errorf("%s counts %s and %s", name, old.unit, unit))
		return
	}
	if t.sums == nil {
		t.sums = map[string]floor{}
	}
	t.sums[name] = floor{least: t.sums[name].least + count, unit: unit}
}

// check compares the sums with the table. A number nobody set a floor for is
// an error too: it would look like a proof and prove nothing.
func (t *tally) check(table floors) error {
	errs := slices.Clone(t.errs)
	for _, name := range table.names("proof/") {
		want, got := table[name], t.sums[name]
		switch {
		case got == floor{}:
			errs = append(errs, fmt.Errorf("no line \"proof: %s ...\" was printed", strings.TrimPrefix(name, "proof/")))
		case got.unit != want.unit:
			errs = append(errs, fmt.Errorf("%s counts %q, its floor counts %q", name, got.unit, want.unit))
		case got.least < want.least:
			errs = append(errs, fmt.Errorf("%s: %d %s is below the floor of %d", name, got.least, got.unit, want.least))
		}
	}
	for name := range t.sums {
		if _, ok := table[name]; !ok {
			errs = append(errs, fmt.Errorf("%s has no floor in ci/floors.txt", name))
		}
	}
	return errors.Join(errs...)
}
