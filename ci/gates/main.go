// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command gates runs the checks that a change must pass. A gate is green when
// its command succeeds and its count reaches the floor written in
// ci/floors.txt: a suite that stops running tests must not stay green.
//
//	go run ./ci/gates            # all, as CI does
//	go run ./ci/gates lint proof # some
//	go run ./ci/gates -list
//
// It exits 0 when every gate is green, 1 when one is red, 2 when it could not
// start.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gates", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "list the gates and their floors, run nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	env, err := newEnv(stdout)
	if err == nil {
		err = checkGateFloors(env.floors, allGates())
	}
	if err != nil {
		fmt.Fprintln(stderr, "gates:", err)
		return 2
	}
	chosen, err := choose(allGates(), flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, "gates:", err)
		return 2
	}
	if *list {
		for _, g := range chosen {
			f := env.floors["gate/"+g.name]
			fmt.Fprintf(stdout, "%-9s at least %d %s\n", g.name, f.least, f.unit)
		}
		return 0
	}
	return runGates(ctx, env, chosen)
}

func newEnv(out io.Writer) (*env, error) {
	repo, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	table, err := os.ReadFile(filepath.Join(repo, "ci", "floors.txt"))
	if err != nil {
		return nil, fmt.Errorf("run it in the root of the repository: %w", err)
	}
	f, err := parseFloors(bytes.NewReader(table))
	if err != nil {
		return nil, err
	}
	return &env{dir: repo, repo: repo, floors: f, out: out}, nil
}

func choose(all []gate, names []string) ([]gate, error) {
	if len(names) == 0 {
		return all, nil
	}
	known := map[string]gate{}
	order := []string{}
	for _, g := range all {
		known[g.name] = g
		order = append(order, g.name)
	}
	var chosen []gate
	for _, name := range names {
		g, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("no gate %q; there are %s", name, strings.Join(order, ", "))
		}
		chosen = append(chosen, g)
	}
	return chosen, nil
}
