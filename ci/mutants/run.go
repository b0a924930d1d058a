// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

type verdict string

// Only the first two are what the table asks for. A mutant that does not
// compile was killed by the compiler, which proves nothing about the tests.
const (
	killedByTest    verdict = "killed"
	killedByTimeout verdict = "killed by timeout"
	survived        verdict = "SURVIVED"
	stale           verdict = "STALE"
	notCompiling    verdict = "DOES NOT COMPILE"
	badKiller       verdict = "KILLER IS RED WITHOUT THE MUTANT"
	notRun          verdict = "NOT RUN"
)

type outcome struct {
	mutant  mutant
	verdict verdict
	detail  string
	took    time.Duration
}

func (o outcome) String() string {
	line := fmt.Sprintf("%5.1f s  %s  %s by %s %s", o.took.Seconds(), o.mutant.name, o.verdict, o.mutant.pkg, o.mutant.killer)
	if o.detail != "" {
		line += fmt.Sprintf("\n  %s, %s: %s", o.mutant.at, o.mutant.file, o.detail)
	}
	return line
}

// runner builds test binaries in a directory of its own. Building and running
// are two commands, so that a build failure can never be taken for a kill.
type runner struct {
	root   string
	tmp    string
	limit  time.Duration     // of one killer: a mutant may well hang for ever
	show   io.Writer         // nil unless -v
	built  map[string]error  // unmutated binaries, by path
	sound  map[string]string // killers tried without a mutant, to the complaint
	serial int
}

func newRunner(dir string) (*runner, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "raftkeel-mutants-")
	if err != nil {
		return nil, err
	}
	return &runner{
		root: root, tmp: tmp, limit: time.Minute,
		built: map[string]error{}, sound: map[string]string{},
	}, nil
}

func (r *runner) close() { _ = os.RemoveAll(r.tmp) }

// tryAll prints one line per mutant and returns the exit code. Every runner works on
// one mutant at a time.
func tryAll(ctx context.Context, runners []*runner, mutants []mutant, out io.Writer) int {
	var work sync.WaitGroup
	queue, outcomes := make(chan mutant), make(chan outcome)
	for _, r := range runners {
		work.Go(func() {
			for m := range queue {
				outcomes <- r.try(ctx, m)
			}
		})
	}
	go func() {
		for _, m := range mutants {
			queue <- m
		}
		close(queue)
		work.Wait()
		close(outcomes)
	}()
	killed := 0
	for o := range outcomes {
		fmt.Fprintln(out, o)
		if o.verdict == killedByTest || o.verdict == killedByTimeout {
			killed++
		}
	}
	fmt.Fprintf(out, "mutants: %d killed of %d\n", killed, len(mutants))
	if killed < len(mutants) {
		return 1
	}
	return 0
}

func (r *runner) try(ctx context.Context, m mutant) outcome {
	start := time.Now()
	o := outcome{mutant: m}
	o.verdict, o.detail = r.judge(ctx, m)
	if ctx.Err() != nil {
		o.verdict, o.detail = notRun, context.Cause(ctx).Error()
	}
	o.took = time.Since(start)
	return o
}

func (r *runner) judge(ctx context.Context, m mutant) (verdict, string) {
	overlay, err := r.overlay(m)
	if err != nil {
		return stale, err.Error()
	}
	if complaint := r.baseline(ctx, m); complaint != "" {
		return badKiller, complaint
	}
	binary := filepath.Join(r.tmp, "mutant.test")
	if err := r.build(ctx, m, binary, "-overlay", overlay); err != nil {
		return notCompiling, err.Error()
	}
	text, err := r.kill(ctx, m, binary)
	if r.show != nil {
		fmt.Fprintln(r.show, text)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived, m.why
	case !errors.As(err, &exit):
		return notRun, err.Error()
	case strings.Contains(text, "panic: test timed out after"):
		return killedByTimeout, ""
	}
	return killedByTest, ""
}

// overlay writes the mutated file and the JSON that go build -overlay reads.
func (r *runner) overlay(m mutant) (string, error) {
	original := filepath.Join(r.root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("the old text occurs %d times, want 1", n)
	}
	r.serial++
	mutated := filepath.Join(r.tmp, fmt.Sprintf("%d.go", r.serial))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	table, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(r.tmp, "overlay.json")
	return path, os.WriteFile(path, table, 0o600)
}

// baseline requires, once per killer, that it exists and passes on the real
// tree. A test that is red anyway kills everything.
func (r *runner) baseline(ctx context.Context, m mutant) string {
	key := fmt.Sprint(m.pkg, " ", m.killer, " ", m.race)
	complaint, known := r.sound[key]
	if known {
		return complaint
	}
	binary := filepath.Join(r.tmp, strings.NewReplacer("/", "_", ".", "_").Replace(fmt.Sprint(m.pkg, m.race))+".test")
	err, built := r.built[binary]
	if !built {
		err = r.build(ctx, m, binary)
		r.built[binary] = err
	}
	if err != nil {
		complaint = err.Error()
	} else if text, err := r.kill(ctx, m, binary); err != nil {
		complaint = err.Error() + "\n" + text
	} else if !strings.Contains(text, "--- PASS: ") {
		complaint = "no test of this name passed"
	}
	r.sound[key] = complaint
	return complaint
}

func (r *runner) build(ctx context.Context, m mutant, binary string, flags ...string) error {
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}, flags...)
	if m.race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, m.pkg)...)
	cmd.Dir = r.root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, text)
	}
	return nil
}

// kill runs the killer where go test would run it. The limit is the test
// binary's own, so that it prints its goroutines; the context is the last word.
func (r *runner) kill(ctx context.Context, m mutant, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.count=1", "-test.failfast",
		"-test.run", m.killer, "-test.timeout", r.limit.String())
	cmd.Dir = filepath.Join(r.root, filepath.FromSlash(m.pkg))
	cmd.WaitDelay = time.Second
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	return text.String(), err
}
