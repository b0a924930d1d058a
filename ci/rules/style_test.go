// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	maxFileLines = 300 // of a file that is not a test
	maxFuncLines = 30  // of nine functions in ten, per package
)

const header = "// Copyright 2026 The raftkeel authors\n// SPDX-License-Identifier: MPL-2.0\n\n"

func checkHeader(name, text string) error {
	if !strings.HasPrefix(text, header) {
		return fmt.Errorf("%s does not begin with the two licence lines and a blank one", name)
	}
	return nil
}

func checkLength(name, text string) error {
	if n := strings.Count(text, "\n"); n > maxFileLines && !isTest(name) {
		return fmt.Errorf("%s has %d lines, the limit is %d", name, n, maxFileLines)
	}
	return nil
}

var (
	skipCall  = regexp.MustCompile(`\b[tbf]\.Skip(f|Now)?\(`)
	skipTrail = regexp.MustCompile(`// skip: \S+`)
)

// checkSkip wants the reason beside the call: a test that skips itself looks
// like one that passes.
func checkSkip(name, text string) error {
	if !isTest(name) {
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		if skipCall.MatchString(line) && !skipTrail.MatchString(line) {
			return fmt.Errorf("%s:%d skips without \"// skip: reason\" on the line", name, i+1)
		}
	}
	return nil
}

// somebodysDisk matches absolute paths that exist on one machine only.
var somebodysDisk = regexp.MustCompile(`(^|[\s"'(=:])/(root|home|Users|work|workspace)/`)

func checkPaths(name, text string) error {
	for i, line := range strings.Split(text, "\n") {
		if somebodysDisk.MatchString(line) {
			return fmt.Errorf("%s:%d names a path of one machine", name, i+1)
		}
	}
	return nil
}

// funcLengths collects the lengths of functions by package directory.
type funcLengths map[string][]int

func (l funcLengths) add(name, text string) error {
	if isTest(name) {
		return nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			lines := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
			l[path.Dir(name)] = append(l[path.Dir(name)], lines)
		}
	}
	return nil
}

func (l funcLengths) check() error {
	var errs []error
	for dir, lengths := range l {
		slices.Sort(lengths)
		if p90 := lengths[(len(lengths)*9-1)/10]; p90 > maxFuncLines {
			errs = append(errs, fmt.Errorf("%s: more than one function in ten is longer than %d lines (p90 %d)", dir, maxFuncLines, p90))
		}
	}
	return errors.Join(errs...)
}

func TestLicenceHeader(t *testing.T) {
	require.NoError(t, checkTree(repository(), goOnly(checkHeader)))
	complains(t, checkHeader, "a.go", "package a\n", "licence")
}

func TestFilesAreShort(t *testing.T) {
	require.NoError(t, checkTree(repository(), goOnly(checkLength)))
	complains(t, checkLength, "a.go", strings.Repeat("\n", maxFileLines+1), "301 lines")
	require.NoError(t, checkLength("a_test.go", strings.Repeat("\n", maxFileLines+1)))
}

func TestSkipsSayWhy(t *testing.T) {
	require.NoError(t, checkTree(repository(), goOnly(checkSkip)))
	bare := "\tt.Skip" + "(\"later\")"
	complains(t, checkSkip, "a_test.go", bare, "a_test.go:1 skips")
	require.NoError(t, checkSkip("a_test.go", bare+" // skip: needs a second disk"))
}

func TestNoMachinePaths(t *testing.T) {
	require.NoError(t, checkTree(repository(), checkPaths))
	for _, line := range []string{`"/` + `home/me/x"`, "see /" + "root/x", "file:/" + "Users/me/x"} {
		complains(t, checkPaths, "a.md", "\n"+line, "a.md:2")
	}
	require.NoError(t, checkPaths("a.md", "the /var/lib directory, docs/home/x"))
}

func TestFunctionsAreShort(t *testing.T) {
	lengths := funcLengths{}
	require.NoError(t, checkTree(repository(), goOnly(lengths.add)))
	require.NoError(t, lengths.check())

	long := funcLengths{}
	require.NoError(t, long.add("a/a.go", "package a\n\nfunc f() {"+strings.Repeat("\n", 40)+"}\n"))
	require.ErrorContains(t, long.check(), "a: more than one function in ten")
}
