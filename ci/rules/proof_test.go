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

// Behind the proof tag, only TestProof... is run by any gate.
func TestProofsAreRun(t *testing.T) {
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	proofs := 0
	require.NoError(t, fs.WalkDir(repository(), ".", func(p string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, "_test.go") {
			return err
		}
		source := text(t, p)
		if !regexp.MustCompile(`(?m)^//go:build proof$`).MatchString(source) {
			return nil
		}
		for _, m := range name.FindAllStringSubmatch(source, -1) {
			require.True(t, strings.HasPrefix(m[1], "TestProof"), "%s: %s is run by no gate; name it TestProof...", p, m[1])
			proofs++
		}
		return nil
	}))
	require.Positive(t, proofs)
}
