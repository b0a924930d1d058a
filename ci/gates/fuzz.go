// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	fuzzFunc  = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)
	fuzzExecs = regexp.MustCompile(`(?m)execs: (\d+) `)
)

// fuzz runs every fuzz target for a short time and returns how many there are.
func fuzz(ctx context.Context, e *env) (int64, error) {
	files, err := find(e.dir, func(p string) bool { return strings.HasSuffix(p, "_test.go") })
	if err != nil {
		return 0, err
	}
	var count int64
	for _, file := range files {
		source, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr)
		for _, m := range fuzzFunc.FindAllSubmatch(source, -1) {
			name := string(m[1])
			if red := fuzzOne(ctx, e, filepath.Dir(file), name); red != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", name, red))
			}
			count++
		}
	}
	return count, err
}

func fuzzOne(ctx context.Context, e *env, dir, name string) error {
	cmd := goCommand(ctx, e, "test", "-run", "^$", "-fuzz", "^"+name+"$",
		"-fuzztime", "15s", "-fuzzminimizetime", "10x", ".")
	cmd.Dir = dir // also reaches targets in nested modules
	text, err := output(cmd, io.Discard)
	execs, countErr := lastCount(fuzzExecs, text)
	if err != nil && !deadlineRace(text) {
		fmt.Fprint(e.out, text)
		return err
	}
	if countErr != nil {
		return countErr
	}
	least := e.floors["fuzz/execs"].least
	fmt.Fprintf(e.out, "%s: %d execs, floor %d\n", name, execs, least)
	if execs < least {
		return fmt.Errorf("%d execs is below the floor of %d", execs, least)
	}
	return nil
}

// deadlineRace recognises go.dev/issue/75804 (fixed in Go 1.27): at the end of
// -fuzztime the coordinator may report its own deadline as a failure. A real
// finding always writes its input, and its report is longer than that line.
func deadlineRace(text string) bool {
	_, after, found := strings.Cut(text, "--- FAIL: ")
	if !found || strings.Contains(text, "Failing input written") {
		return false
	}
	lines := strings.SplitN(after, "\n", 3)
	return len(lines) == 3 &&
		strings.TrimSpace(lines[1]) == "context deadline exceeded" &&
		strings.HasPrefix(lines[2], "FAIL")
}
