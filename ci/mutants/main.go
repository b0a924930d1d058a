// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command mutants plants bugs and requires that each is caught by the test
// named for it. The bugs are in ci/mutants/*.txt; the format is described at
// the top of leadership.txt. The tree is never touched: a mutant exists only
// in a build overlay.
//
//	go run ./ci/mutants             # all of them
//	go run ./ci/mutants -run oldest # those whose name matches
//	go run ./ci/mutants -v          # with what each killer said
//
// It exits 1 unless every mutant was killed, 2 when it could not start.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pattern := flags.String("run", "", "only mutants whose name matches this regular `expression`")
	verbose := flags.Bool("v", false, "show what each killer printed")
	dir := flags.String("C", ".", "root `directory` of the module")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	mutants, err := load(*dir, *pattern)
	if err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 2
	}
	var runners []*runner
	for range runtime.GOMAXPROCS(0) {
		r, err := newRunner(*dir)
		if err != nil {
			fmt.Fprintln(stderr, "mutants:", err)
			return 2
		}
		defer r.close()
		if *verbose {
			r.show = stdout
		}
		runners = append(runners, r)
	}
	return tryAll(ctx, runners, mutants, stdout)
}

// load reads every table and keeps the mutants whose name matches pattern.
func load(dir, pattern string) ([]mutant, error) {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	tables, err := filepath.Glob(filepath.Join(dir, "ci", "mutants", "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			return nil, err
		}
		parsed, err := parse(filepath.Base(table), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, parsed...)
	}
	if err := unique(all); err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(all, func(m mutant) bool { return !wanted.MatchString(m.name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutant in %d tables has a name like %q", len(tables), pattern)
	}
	return chosen, nil
}

// unique makes a name in a log, or after -run, mean one mutant.
func unique(all []mutant) error {
	first := map[string]string{}
	for _, m := range all {
		if at, twice := first[m.name]; twice {
			return fmt.Errorf("%s: %s is already the name of a mutant at %s", m.at, m.name, at)
		}
		first[m.name] = m.at
	}
	return nil
}
