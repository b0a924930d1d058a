// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// env is where gates run. dir and repo differ only for the controls, which
// point the real gates at a planted module.
type env struct {
	dir    string // the module under test
	repo   string // holds the tools and the configuration
	floors floors
	out    io.Writer
}

// A gate is one check. run returns how much it checked.
type gate struct {
	name string
	run  func(ctx context.Context, e *env) (count int64, err error)
}

type result struct {
	gate  string
	took  time.Duration
	count int64
	floor floor
	err   error
}

// runGate decides red or green, here only. A gate without a floor is red.
func runGate(ctx context.Context, e *env, g gate) result {
	least, ok := e.floors["gate/"+g.name]
	if !ok {
		return result{gate: g.name, err: fmt.Errorf("gate %s has no floor", g.name)}
	}
	start := time.Now()
	count, err := g.run(ctx, e)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil && count < least.least {
		err = fmt.Errorf("%d %s is below the floor of %d", count, least.unit, least.least)
	}
	return result{gate: g.name, took: time.Since(start), count: count, floor: least, err: err}
}

// runGates goes on after a red gate: one run should show everything that is
// wrong.
func runGates(ctx context.Context, e *env, gates []gate) int {
	var results []result
	for _, g := range gates {
		fmt.Fprintf(e.out, "\n=== gate %s\n", g.name)
		r := runGate(ctx, e, g)
		fmt.Fprintf(e.out, "--- gate %s: %s\n", g.name, r.verdict())
		results = append(results, r)
	}
	return report(e.out, results)
}

func (r result) verdict() string {
	line := fmt.Sprintf("%.1f s, %d %s, floor %d", r.took.Seconds(), r.count, r.floor.unit, r.floor.least)
	if r.err != nil {
		return "RED: " + r.err.Error() + " (" + line + ")"
	}
	return "green (" + line + ")"
}

// report ends with the line a CI reader looks for.
func report(out io.Writer, results []result) int {
	var red int
	var total time.Duration
	fmt.Fprintf(out, "\n%-9s %8s %9s %9s  %s\n", "gate", "seconds", "count", "floor", "unit")
	for _, r := range results {
		total += r.took
		note := ""
		if r.err != nil {
			red++
			first, _, _ := strings.Cut(r.err.Error(), "\n")
			note = "  RED: " + first
		}
		fmt.Fprintf(out, "%-9s %8.1f %9d %9d  %s%s\n",
			r.gate, r.took.Seconds(), r.count, r.floor.least, r.floor.unit, note)
	}
	fmt.Fprintf(out, "%-9s %8.1f\n\n%d passed, %d failed\n", "total", total.Seconds(), len(results)-red, red)
	if red > 0 || len(results) == 0 {
		return 1
	}
	return 0
}
