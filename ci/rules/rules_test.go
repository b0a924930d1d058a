// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/raftkeel/raftkeel"

// repository is the tree under test. Reading it through os also keeps go
// test's cache honest: a changed file runs these tests again.
func repository() fs.FS { return os.DirFS("../..") }

// checkTree calls check for every file of the tree that people write, and
// joins what it complains about. A tree without files is a complaint as well.
func checkTree(tree fs.FS, check func(name, text string) error) error {
	var errs []error
	seen := 0
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !written(name) {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		seen++
		errs = append(errs, check(name, string(text)))
		return nil
	})
	if err == nil && seen == 0 {
		err = errors.New("no files")
	}
	return errors.Join(append(errs, err)...)
}

func written(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".txt", ".yml", ".mod":
		return true
	}
	return path.Base(name) == "Makefile" || strings.HasPrefix(name, ".ci/")
}

// goOnly narrows a check to Go files.
func goOnly(check func(name, text string) error) func(name, text string) error {
	return func(name, text string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		return check(name, text)
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// complains requires that a check says want about text: a rule that cannot be
// broken is not one.
func complains(t *testing.T, check func(name, text string) error, name, text, want string) {
	t.Helper()
	require.ErrorContains(t, check(name, text), want)
}
