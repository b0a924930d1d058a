// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// TestingT is what [Cluster.ReportTo] needs of a *testing.T, so that this
// package does not link testing into programs.
type TestingT interface {
	Helper()
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(func())
}

// reportWidth is the width of the picture in columns.
const reportWidth = 100

// ReportTo makes a failed test tell what happened: the timeline as text in its
// log and as SVG in a file, the seed, the schedule and the faults. Call it before
// you register Close with t.Cleanup: cleanups run last first, and what Close
// returns may be what makes the test fail.
//
// The file goes to the test's ArtifactDir if there is one that outlives the test
// (Go 1.26, go test -artifacts), else to a new directory in os.TempDir.
func (c *Cluster) ReportTo(t TestingT) {
	t.Helper()
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			t.Logf("%s", c.report(t))
		}
	})
}

func (c *Cluster) report(t TestingT) string {
	c.mu.Lock()
	schedule := c.schedule
	c.mu.Unlock()
	line := c.Timeline()
	text := fmt.Sprintf("testcluster: %d servers, seed %d\nfaults (fired/requested): %v\n", len(c.servers), c.cfg.Seed, c.Faults())
	if schedule != nil {
		text += fmt.Sprintf("schedule: %v\n", schedule)
	}
	text += line.Text(reportWidth)
	path, err := c.draw(t)
	if err != nil {
		return text + "\nno picture: " + err.Error()
	}
	return text + "\npicture: " + path
}

// draw writes the SVG and returns its path.
func (c *Cluster) draw(t TestingT) (path string, err error) {
	dir, err := artifactDir(t)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("timeline-seed%d.svg", c.cfg.Seed))
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(c.Timeline().SVG(f), f.Close())
}

// artifactDir is a directory that is still there after the test. Without
// -artifacts, T.ArtifactDir is deleted with the test, picture and all.
func artifactDir(t TestingT) (string, error) {
	a, ok := t.(interface{ ArtifactDir() string })
	kept := flag.Lookup("test.artifacts")
	if ok && (kept == nil || kept.Value.String() == "true") {
		return a.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "testcluster-")
}
