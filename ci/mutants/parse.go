// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// A mutant is one planted bug and the test that must notice it.
type mutant struct {
	name     string
	at       string // table and line, for messages
	file     string // slash-separated, below the root
	pkg      string // of the killer, as in ./leadership
	killer   string // regular expression for -test.run
	race     bool   // only the race detector sees this one
	why      string // what the bug would do to a user
	old, new string
}

var mutantName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

const (
	headMark = "== "
	oldMark  = "--- old"
	newMark  = "--- new"
	endMark  = "--- end"
)

type parser struct {
	table string
	lines []string
	n     int // lines consumed
}

// parse reads a table. It is strict: a block it half understood would be a bug
// that is not planted.
func parse(table, text string) ([]mutant, error) {
	p := &parser{table: table, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	var mutants []mutant
	for p.n < len(p.lines) {
		line := p.next()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasPrefix(line, headMark) {
			return nil, p.errorf("want \"== name\" or a # comment, got %q", line)
		}
		m, err := p.block(strings.TrimPrefix(line, headMark))
		if err != nil {
			return nil, err
		}
		mutants = append(mutants, m)
	}
	return mutants, nil
}

func (p *parser) next() string {
	p.n++
	return p.lines[p.n-1]
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.table, p.n, fmt.Errorf(format, args...))
}

func (p *parser) block(name string) (mutant, error) {
	m := mutant{name: name, at: fmt.Sprintf("%s:%d", p.table, p.n)}
	if !mutantName.MatchString(name) {
		return m, p.errorf("name %q: use lower case, digits and dashes", name)
	}
	if err := p.keys(&m); err != nil {
		return m, err
	}
	var err error
	if m.old, err = p.text(newMark); err != nil {
		return m, err
	}
	if m.new, err = p.text(endMark); err != nil {
		return m, err
	}
	if m.old == "" {
		return m, p.errorf("%s: the old text is empty", name)
	}
	if m.old == m.new {
		return m, p.errorf("%s: old and new text are the same", name)
	}
	return m, nil
}

// keys reads "key: value" lines up to --- old.
func (p *parser) keys(m *mutant) error {
	seen := map[string]bool{}
	for p.n < len(p.lines) {
		line := p.next()
		if line == oldMark {
			for _, key := range []string{"file", "killer", "why"} {
				if !seen[key] {
					return p.errorf("%s has no %q", m.name, key+":")
				}
			}
			return nil
		}
		key, value, ok := strings.Cut(line, ": ")
		value = strings.TrimSpace(value)
		if !ok || value == "" {
			return p.errorf("want \"key: value\" or %q, got %q", oldMark, line)
		}
		if seen[key] {
			return p.errorf("%s has a second %q", m.name, key+":")
		}
		seen[key] = true
		if err := p.key(m, key, value); err != nil {
			return err
		}
	}
	return p.errorf("%s ends before %q", m.name, oldMark)
}

func (p *parser) key(m *mutant, key, value string) error {
	switch key {
	case "file":
		if !filepath.IsLocal(value) || !strings.HasSuffix(value, ".go") {
			return p.errorf("file %q must be a .go file below the root", value)
		}
		m.file = value
	case "killer":
		pkg, test, ok := strings.Cut(value, " ")
		if !ok || !strings.HasPrefix(pkg, "./") {
			return p.errorf("killer %q must be a package and a test, as in \"./leadership TestX\"", value)
		}
		if _, err := regexp.Compile(test); err != nil {
			return p.errorf("killer: %w", err)
		}
		m.pkg, m.killer = pkg, strings.TrimSpace(test)
	case "race":
		if value != "true" {
			return p.errorf("race: want true, or leave the line out")
		}
		m.race = true
	case "why":
		m.why = value
	default:
		return p.errorf("unknown key %q", key)
	}
	return nil
}

// text reads lines up to mark, without the newline before it.
func (p *parser) text(mark string) (string, error) {
	start := p.n
	for p.n < len(p.lines) {
		switch line := p.next(); line {
		case mark:
			return strings.Join(p.lines[start:p.n-1], "\n"), nil
		case oldMark, newMark, endMark:
			return "", p.errorf("want %q before %q", mark, line)
		}
	}
	return "", p.errorf("the table ends before %q", mark)
}
