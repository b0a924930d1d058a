// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// warmLimit is what README.md promises for go test ./... after a first build.
const warmLimit = 60 * time.Second

const generationB = "-modfile=ci/gen-b.mod"

// libraries must build on every platform raft builds for. raft-boltdb does not
// compile for riscv64, so one import of it would take these platforms away.
var libraries = []string{"./leadership", "./peers", "./internal/timeline"}

// allGates lists the cheap gates first, so that a slip shows early.
func allGates() []gate {
	return []gate{
		{"controls", controls},
		{"fmt", formatted},
		{"tidy", tidy},
		{"lint", lint},
		{"test", warmTest},
		{"race-a", race()},
		{"race-b", race(generationB)},
		{"riscv64", riscv64},
		{"nested", nested},
		{"proof", proof},
		{"fuzz", fuzz},
		{"mutants", mutants},
	}
}

// goCommand prepares a go command in the module under test. On cancellation it
// is interrupted, and killed if that does not help.
func goCommand(ctx context.Context, e *env, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = e.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs a command, shows what it writes and returns it.
func output(cmd *exec.Cmd, show io.Writer) (string, error) {
	var kept bytes.Buffer
	w := io.MultiWriter(show, &kept)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return kept.String(), fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return kept.String(), nil
}

// tool runs a tool pinned in tools/go.mod. If it cannot be built the gate is
// red: a check that is skipped where it is missing is missing everywhere.
func tool(ctx context.Context, e *env, args ...string) (string, error) {
	modfile := "-modfile=" + filepath.Join(e.repo, "tools", "go.mod")
	return output(goCommand(ctx, e, append([]string{"tool", modfile}, args...)...), e.out)
}

func formatted(ctx context.Context, e *env) (int64, error) {
	files, err := find(e.dir, func(p string) bool { return strings.HasSuffix(p, ".go") })
	if err != nil {
		return 0, err
	}
	unformatted, err := tool(ctx, e, "gofumpt", "-l", ".")
	if err == nil && unformatted != "" {
		err = errors.New("not formatted, run make fmt: " + strings.Join(strings.Fields(unformatted), " "))
	}
	return int64(len(files)), err
}

func lint(ctx context.Context, e *env) (int64, error) {
	config := filepath.Join(e.repo, ".golangci.yml")
	if _, err := tool(ctx, e, "golangci-lint", "run", "--config", config, "--timeout", "10m"); err != nil {
		return 0, err
	}
	packages, err := output(goCommand(ctx, e, "list", "-tags", "proof", "./..."), io.Discard)
	return int64(len(strings.Fields(packages))), err
}

// tidy checks every module file. The second generation has its own.
func tidy(ctx context.Context, e *env) (int64, error) {
	mods, err := modules(e.dir)
	if err != nil {
		return 0, err
	}
	var count int64
	check := func(dir string, flags ...string) {
		cmd := goCommand(ctx, e, append([]string{"mod", "tidy", "-diff"}, flags...)...)
		cmd.Dir = dir
		if _, red := output(cmd, e.out); red != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", dir, red))
		}
		count++
	}
	for _, mod := range mods {
		check(mod)
	}
	if _, absent := os.Stat(filepath.Join(e.dir, "ci", "gen-b.mod")); absent == nil {
		check(e.dir, generationB)
	}
	return count, err
}

// warmTest builds first: the limit is about the tests, not about a cold cache.
func warmTest(ctx context.Context, e *env) (int64, error) {
	if _, err := goTest(ctx, e, nil, "-count=1", "-run", "^$", "./..."); err != nil {
		return 0, err
	}
	return within(warmLimit, func() (int64, error) {
		return goTest(ctx, e, nil, "-count=1", "-timeout", "5m", "./...")
	})
}

func race(flags ...string) func(context.Context, *env) (int64, error) {
	return func(ctx context.Context, e *env) (int64, error) {
		args := append([]string{"-race", "-shuffle=on", "-timeout", "10m"}, flags...)
		return goTest(ctx, e, nil, append(args, "./...")...)
	}
}

func riscv64(ctx context.Context, e *env) (int64, error) {
	cmd := goCommand(ctx, e, append([]string{"build"}, libraries...)...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	_, err := output(cmd, e.out)
	return int64(len(libraries)), err
}

// nested runs the tests of modules below the root, which ./... does not reach.
func nested(ctx context.Context, e *env) (int64, error) {
	mods, err := modules(e.dir)
	if err != nil {
		return 0, err
	}
	var count int64
	for _, mod := range mods {
		if mod == e.dir || mod == filepath.Join(e.dir, "tools") {
			continue
		}
		inside := *e
		inside.dir = mod
		passed, red := goTest(ctx, &inside, nil, "-timeout", "10m", "./...")
		if red == nil && passed == 0 {
			red = errors.New("no test passed")
		}
		if red != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", mod, red))
		}
		count++
	}
	return count, err
}

// proof runs without -race: its worth is in its numbers, and -race divides
// them by four.
func proof(ctx context.Context, e *env) (int64, error) {
	var t tally
	passed, err := goTest(ctx, e, func(line string) {
		if proofLine.MatchString(line) {
			fmt.Fprintln(e.out, strings.TrimSpace(line))
		}
		t.line(line)
	}, "-count=1", "-tags", "proof", "-run", "Proof", "-v", "-timeout", "20m", "./...")
	return passed, errors.Join(err, t.check(e.floors))
}

var mutantsLine = regexp.MustCompile(`(?m)^mutants: (\d+) killed of \d+$`)

func mutants(ctx context.Context, e *env) (int64, error) {
	text, err := output(goCommand(ctx, e, "run", "./ci/mutants"), e.out)
	count, countErr := lastCount(mutantsLine, text)
	return count, errors.Join(err, countErr)
}

// lastCount reads the count a command printed. No line is an error, not zero:
// with a floor of zero a silent command would otherwise be green.
func lastCount(re *regexp.Regexp, text string) (int64, error) {
	all := re.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0, fmt.Errorf("no count: nothing matched %s", re)
	}
	return strconv.ParseInt(all[len(all)-1][1], 10, 64)
}

// find lists files the way go does: hidden, vendored and test data trees are
// not part of the code.
func find(root string, want func(path string) bool) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "vendor") {
			return filepath.SkipDir
		}
		if !d.IsDir() && want(path) {
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

func modules(root string) ([]string, error) {
	files, err := find(root, func(p string) bool { return filepath.Base(p) == "go.mod" })
	dirs := make([]string, len(files))
	for i, f := range files {
		dirs[i] = filepath.Dir(f)
	}
	return dirs, err
}
