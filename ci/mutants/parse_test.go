// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const goodTable = `# a comment

== drop-newest
file: leadership/notifier.go
killer: ./leadership ^TestNewest$
race: true
why: the reader acts on an old state
--- old
	a()

	b()
--- new
	b()
--- end
# another
== delete
file: leadership/notifier.go
killer: ./leadership TestX
why: gone
--- old
	c()
--- new
--- end
`

func TestParseTable(t *testing.T) {
	got, err := parse("t.txt", goodTable)
	require.NoError(t, err)
	require.Equal(t, []mutant{
		{
			name: "drop-newest", at: "t.txt:3", file: "leadership/notifier.go",
			pkg: "./leadership", killer: "^TestNewest$", race: true,
			why: "the reader acts on an old state", old: "\ta()\n\n\tb()", new: "\tb()",
		},
		{
			name: "delete", at: "t.txt:16", file: "leadership/notifier.go",
			pkg: "./leadership", killer: "TestX", why: "gone", old: "\tc()",
		},
	}, got)
}

func TestParseNamesTheLineItRefuses(t *testing.T) {
	const head = "== a\nfile: a.go\nkiller: ./p T\nwhy: w\n"
	for _, tc := range []struct{ name, text, want string }{
		{"stray text", "hello\n", `t.txt:1: want "== name"`},
		{"indented head", " == a\n", "t.txt:1:"},
		{"bad name", "== A b\n", "t.txt:1: name"},
		{"no file", "== a\nkiller: ./p T\nwhy: w\n--- old\n", `t.txt:4: a has no "file:"`},
		{"no why", "== a\nfile: a.go\nkiller: ./p T\n--- old\n", `no "why:"`},
		{"file outside", "== a\nfile: ../a.go\n", "t.txt:2: file"},
		{"file not go", "== a\nfile: a.txt\n", "t.txt:2: file"},
		{"killer without test", "== a\nkiller: ./p\n", "t.txt:2: killer"},
		{"killer bad expression", "== a\nkiller: ./p T(\n", "t.txt:2: killer"},
		{"race not true", "== a\nrace: yes\n", "t.txt:2: race"},
		{"key twice", "== a\nfile: a.go\nfile: a.go\n", `t.txt:3: a has a second "file:"`},
		{"key unknown", "== a\nfiel: a.go\n", `t.txt:2: unknown key "fiel"`},
		{"key empty", "== a\nfile:\n", `t.txt:2: want "key: value"`},
		{"ends in keys", "== a\nfile: a.go\n", `t.txt:2: a ends before "--- old"`},
		{"ends in old", head + "--- old\nx\n", `t.txt:6: the table ends before "--- new"`},
		{"ends in new", head + "--- old\nx\n--- new\ny\n", `t.txt:8: the table ends before "--- end"`},
		{"end before new", head + "--- old\nx\n--- end\n", `t.txt:7: want "--- new" before "--- end"`},
		{"old empty", head + "--- old\n--- new\ny\n--- end\n", "t.txt:8: a: the old text is empty"},
		{"nothing changed", head + "--- old\nx\n--- new\nx\n--- end\n", "t.txt:9: a: old and new text are the same"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse("t.txt", tc.text)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodTable)
	f.Fuzz(func(t *testing.T, text string) {
		mutants, err := parse("t.txt", text)
		if err != nil {
			return
		}
		for _, m := range mutants {
			require.NotEmpty(t, m.file)
			require.NotEmpty(t, m.killer)
			require.NotEmpty(t, m.why)
			require.NotEmpty(t, m.old)
			require.NotEqual(t, m.old, m.new)
		}
	})
}
