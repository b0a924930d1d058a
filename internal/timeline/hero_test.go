// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The picture in README.md is drawn from a recording of examples/flapping. The
// recording stays, since no two runs are alike; -update draws it anew.
func TestPictureOfTheReadme(t *testing.T) {
	f, err := os.Open("../../docs/hero.json")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	recording, err := Read(f)
	require.NoError(t, err)
	var drawn bytes.Buffer
	require.NoError(t, recording.SVG(&drawn))
	if *update {
		require.NoError(t, os.WriteFile("../../docs/hero.svg", drawn.Bytes(), 0o644))
	}
	kept, err := os.ReadFile("../../docs/hero.svg")
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, drawn.Bytes()), "docs/hero.svg is out of date: go test ./internal/timeline -update")
}
