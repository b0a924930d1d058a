// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var tiny = map[string]string{
	"go.mod": "module tiny\n\ngo 1.25.0\n",
	"p/p.go": "package p\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Unused() int { return 1 }\n",
	"p/p_test.go": `package p

import "testing"

func TestAdd(t *testing.T) {
	if Add(1, 2) != 3 {
		t.Fatal("wrong sum")
	}
}

func TestRed(t *testing.T) { t.Fatal("red anyway") }
`,
}

func tinyModule(t *testing.T, extra map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files := maps.Clone(tiny)
	maps.Copy(files, extra)
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestRunnerTellsVerdictsApart(t *testing.T) {
	const add = "return a + b"
	r, err := newRunner(tinyModule(t, nil))
	require.NoError(t, err)
	defer r.close()
	r.limit = 2 * time.Second
	for _, tc := range []struct {
		m    mutant
		want verdict
	}{
		{mutant{name: "killed", old: add, new: "return a - b"}, killedByTest},
		{mutant{name: "panics", old: add, new: `panic("x")`}, killedByTest},
		{mutant{name: "hangs", old: add, new: "for {\n}"}, killedByTimeout},
		{mutant{name: "survives", old: "return 1", new: "return 2"}, survived},
		{mutant{name: "gone", old: "return a * b", new: "return 2"}, stale},
		{mutant{name: "twice", old: "int { return", new: "int {return"}, stale},
		{mutant{name: "no-file", file: "p/q.go", old: add, new: "return 2"}, stale},
		{mutant{name: "does-not-compile", old: add, new: "return a +"}, notCompiling},
		{mutant{name: "unused-variable", old: add, new: "x := a; return b"}, notCompiling},
		{mutant{name: "killer-missing", killer: "TestGone", old: add, new: "return 0"}, badKiller},
		{mutant{name: "killer-red", killer: "TestRed", old: add, new: "return 0"}, badKiller},
		{mutant{name: "killer-package-missing", pkg: "./q", old: add, new: "return 0"}, badKiller},
	} {
		m := tc.m
		m.file = cmp.Or(m.file, "p/p.go")
		m.pkg = cmp.Or(m.pkg, "./p")
		m.killer = cmp.Or(m.killer, "^TestAdd$")
		o := r.try(t.Context(), m)
		require.Equal(t, tc.want, o.verdict, o.String())
	}
	source, err := os.ReadFile(filepath.Join(r.root, "p", "p.go"))
	require.NoError(t, err)
	require.Equal(t, tiny["p/p.go"], string(source), "the tree must not change")
}

func block(name, from, to string) string {
	return strings.Join([]string{
		"== " + name, "file: p/p.go", "killer: ./p ^TestAdd$", "why: w",
		"--- old", from, "--- new", to, "--- end", "",
	}, "\n")
}

func TestCommandCountsAndExits(t *testing.T) {
	killed, survivor := block("killed", "a + b", "a - b"), block("survivor", "return 1", "return 2")
	for _, tc := range []struct {
		name   string
		tables []string
		args   []string
		exit   int
		want   string
	}{
		{"all killed", []string{killed}, nil, 0, "mutants: 1 killed of 1\n"},
		{"one survives", []string{killed, survivor}, nil, 1, "mutants: 1 killed of 2\n"},
		{"the survivor left out", []string{killed, survivor}, []string{"-run", "^killed"}, 0, "mutants: 1 killed of 1\n"},
		{"nothing to do", []string{"# empty\n"}, nil, 2, "no mutant in 1 tables"},
		{"nothing chosen", []string{killed}, []string{"-run", "x"}, 2, `no mutant in 1 tables has a name like "x"`},
		{"name in two tables", []string{killed, killed}, nil, 2, "1.txt:1: killed is already the name of a mutant at 0.txt:1"},
		{"bad table", []string{"x\n"}, nil, 2, "0.txt:1:"},
		{"bad flag", nil, []string{"-what"}, 2, "flag provided but not defined"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{}
			for i, text := range tc.tables {
				files[filepath.Join("ci", "mutants", string(rune('0'+i))+".txt")] = text
			}
			var out bytes.Buffer
			args := slices.Concat([]string{"-C", tinyModule(t, files)}, tc.args)
			require.Equal(t, tc.exit, run(t.Context(), args, &out, &out), out.String())
			require.Contains(t, out.String(), tc.want)
		})
	}
}
