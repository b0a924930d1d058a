// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program in README.md is code that is compiled and run, word for word.
func TestReadmeShowsTheWiring(t *testing.T) {
	readme, source := text(t, "README.md"), text(t, "examples/wiring/main.go")
	_, block, ok := strings.Cut(readme, "```go\n")
	require.True(t, ok, "README.md has no Go block")
	block, _, ok = strings.Cut(block, "```\n")
	require.True(t, ok)
	require.True(t, strings.HasSuffix(source, block), "README.md and examples/wiring/main.go differ")
}

// What README.md links to is there.
func TestReadmeLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text(t, "README.md"), -1)
	require.NotEmpty(t, links)
	for _, l := range links {
		if strings.Contains(l[1], "://") {
			continue
		}
		_, err := fs.Stat(repository(), l[1])
		require.NoError(t, err)
	}
}

// README.md lists every guarantee of package leadership, by its number.
func TestReadmeListsEveryGuarantee(t *testing.T) {
	inDoc := regexp.MustCompile(`(?m)^//  (\d+)\. `).FindAllStringSubmatch(text(t, "leadership/doc.go"), -1)
	inReadme := regexp.MustCompile(`(?m)^\| (\d+) \| `).FindAllStringSubmatch(text(t, "README.md"), -1)
	numbers := func(found [][]string) (n []string) {
		for _, f := range found {
			n = append(n, f[1])
		}
		return n
	}
	require.NotEmpty(t, inDoc)
	require.Equal(t, numbers(inDoc), numbers(inReadme))
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(repository(), name)
	require.NoError(t, err)
	return string(b)
}
