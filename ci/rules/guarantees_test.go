// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	guaranteeItem = regexp.MustCompile(`^//\s+(\d+)\. `)
	guaranteeTest = regexp.MustCompile(`(?m)^func TestGuarantee(\d+)_`)
)

// promises collects, by package directory, the numbers in doc.go and in tests.
type promises struct {
	made   map[string][]int
	tested map[string]map[int]bool
}

func (p *promises) add(name, text string) error {
	dir := path.Dir(name)
	if path.Base(name) == "doc.go" {
		if p.made[dir] = listed(text); len(p.made[dir]) == 0 && strings.Contains(text, "\n// # Guarantees\n") {
			return fmt.Errorf("%s has a list of guarantees without a number", name)
		}
	}
	for _, m := range guaranteeTest.FindAllStringSubmatch(text, -1) {
		if p.tested[dir] == nil {
			p.tested[dir] = map[int]bool{}
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return err
		}
		p.tested[dir][n] = true
	}
	return nil
}

// listed returns the numbers of the list under "# Guarantees".
func listed(doc string) []int {
	_, section, _ := strings.Cut(doc, "\n// # Guarantees\n")
	section, _, _ = strings.Cut(section, "\n// # ")
	var numbers []int
	for line := range strings.Lines(section) {
		if m := guaranteeItem.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1]) // the expression matched digits
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func (p *promises) check() error {
	var errs []error
	for dir, numbers := range p.made {
		for i, n := range numbers {
			if n != i+1 {
				errs = append(errs, fmt.Errorf("%s: guarantee %d stands where %d should", dir, n, i+1))
			}
			if !p.tested[dir][n] {
				errs = append(errs, fmt.Errorf("%s: no TestGuarantee%d_... tests guarantee %d", dir, n, n))
			}
		}
	}
	for dir, tested := range p.tested {
		for _, n := range slices.Sorted(maps.Keys(tested)) {
			if !slices.Contains(p.made[dir], n) {
				errs = append(errs, fmt.Errorf("%s: TestGuarantee%d_... tests a guarantee that doc.go does not make", dir, n))
			}
		}
	}
	return errors.Join(errs...)
}

func newPromises() *promises {
	return &promises{made: map[string][]int{}, tested: map[string]map[int]bool{}}
}

func TestEveryGuaranteeHasItsTest(t *testing.T) {
	p := newPromises()
	require.NoError(t, checkTree(repository(), goOnly(p.add)))
	require.NotEmpty(t, p.made["leadership"], "the list has moved")
	require.NoError(t, p.check())
}

func TestGuaranteeRulesCanBeBroken(t *testing.T) {
	const head = "// # Guarantees\n//\n"
	for _, tc := range []struct{ doc, tests, want string }{
		{"\n" + head + "//  1. One.\n//  2. Two.\n", "func TestGuarantee1_A(", "no TestGuarantee2_... tests guarantee 2"},
		{"\n" + head + "//  1. One.\n// # Other\n//  2. Not one.\n", "func TestGuarantee1_A(\nfunc TestGuarantee2_B(", "TestGuarantee2_... tests a guarantee that"},
		{"\n" + head + "//  2. Two.\n", "func TestGuarantee2_A(", "guarantee 2 stands where 1 should"},
		{"", "func TestGuarantee1_A(", "TestGuarantee1_... tests a guarantee that"},
	} {
		p := newPromises()
		require.NoError(t, p.add("a/doc.go", tc.doc))
		require.NoError(t, p.add("a/a_test.go", tc.tests))
		require.ErrorContains(t, p.check(), tc.want)
	}
	require.ErrorContains(t, newPromises().add("a/doc.go", "\n"+head+"// Prose.\n"), "without a number")
}
