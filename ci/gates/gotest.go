// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// event is what go test -json writes; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// testRun follows one go test -json: it counts, prints the lines a person
// would see without -v, and keeps a test's output until it is known to matter.
type testRun struct {
	out    io.Writer
	onLine func(string) // every line of output, may be nil
	passed int64
	failed []string
	held   map[string][]string // package and test, to its output
}

// goTest runs go test with args and returns the number of top-level tests that
// passed. Skipped tests are named and never counted.
func goTest(ctx context.Context, e *env, onLine func(string), args ...string) (int64, error) {
	cmd := goCommand(ctx, e, append([]string{"test", "-json"}, args...)...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = cmd.Stdout // one writer: what is no event is go itself speaking
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	t := &testRun{out: e.out, onLine: onLine, held: map[string][]string{}}
	readErr := t.read(pipe)
	err = errors.Join(readErr, cmd.Wait())
	if len(t.failed) > 0 {
		err = errors.Join(fmt.Errorf("failed: %s", strings.Join(t.failed, ", ")), err)
	}
	return t.passed, err
}

func (t *testRun) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var ev event
			if json.Unmarshal(line, &ev) != nil {
				fmt.Fprintf(t.out, "%s", line)
			} else {
				t.event(ev)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *testRun) event(ev event) {
	key := ev.Package + " " + ev.Test
	switch ev.Action {
	case "build-output":
		fmt.Fprint(t.out, ev.Output)
	case "output":
		t.output(key, ev)
	case "pass":
		delete(t.held, key)
		if ev.Test != "" && !strings.Contains(ev.Test, "/") {
			t.passed++
		}
	case "skip":
		if ev.Test != "" {
			fmt.Fprintf(t.out, "skipped %s.%s: %s", ev.Package, ev.Test, strings.Join(t.held[key], ""))
		}
		delete(t.held, key)
	case "fail":
		t.fail(key, ev)
	}
}

// nothing matches what packages without a test to run have to say.
var nothing = regexp.MustCompile(`\[no test|^testing: warning: no tests`)

func (t *testRun) output(key string, ev event) {
	if t.onLine != nil {
		t.onLine(strings.TrimRight(ev.Output, "\n"))
	}
	if ev.Test != "" {
		t.held[key] = append(t.held[key], ev.Output)
		return
	}
	if ev.Output != "PASS\n" && !nothing.MatchString(ev.Output) {
		fmt.Fprint(t.out, ev.Output)
	}
}

// fail prints what was held. When a whole package fails, tests that never
// ended (a panic, a timeout) are the interesting ones.
func (t *testRun) fail(key string, ev event) {
	if ev.Test != "" {
		t.failed = append(t.failed, ev.Test)
		fmt.Fprint(t.out, strings.Join(t.held[key], ""))
		delete(t.held, key)
		return
	}
	t.failed = append(t.failed, ev.Package)
	for _, held := range slices.Sorted(maps.Keys(t.held)) {
		if strings.HasPrefix(held, key) {
			fmt.Fprint(t.out, strings.Join(t.held[held], ""))
			delete(t.held, held)
		}
	}
}

// within turns a slow success into a failure.
func within(limit time.Duration, f func() (int64, error)) (int64, error) {
	start := time.Now()
	n, err := f()
	if took := time.Since(start); err == nil && took > limit {
		err = fmt.Errorf("took %.0f s, the limit is %.0f s", took.Seconds(), limit.Seconds())
	}
	return n, err
}
