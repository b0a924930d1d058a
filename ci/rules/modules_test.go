// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

// generations pins what each module file stands for. If the second file drifted
// to the first one's versions, half of the tests would test nothing new.
var generations = map[string]map[string]string{
	"go.mod": {
		"go":                                  "1.25.0", // raft v1.8.0 itself asks for it
		"github.com/hashicorp/raft":           "v1.7.3", // a higher floor breaks users of go-metrics/compat
		"github.com/hashicorp/raft-boltdb/v2": "v2.3.0", // v2.3.1 does not build with raft v1.8.0
	},
	"ci/gen-b.mod": {
		"go":                                  "1.26.0", // raft-boltdb v2.4.2 asks for it
		"github.com/hashicorp/raft":           "v1.8.0",
		"github.com/hashicorp/raft-boltdb/v2": "v2.4.2", // the first one without go-metrics/compat
	},
}

type modFile struct {
	Go, Toolchain string
	Require       []struct{ Path, Version string }
	Replace       []any
	Exclude       []any
}

func TestGenerations(t *testing.T) {
	for name, want := range generations {
		var mod modFile
		require.NoError(t, json.Unmarshal(goModJSON(t, name), &mod))
		got := map[string]string{"go": mod.Go}
		for _, r := range mod.Require {
			if _, pinned := want[r.Path]; pinned {
				got[r.Path] = r.Version
			}
		}
		require.Equal(t, want, got, name)
		require.Empty(t, mod.Toolchain, "%s: a toolchain line binds everyone who builds us", name)
		require.Empty(t, mod.Replace, "%s: replace does not reach those who import us", name)
		require.Empty(t, mod.Exclude, "%s: exclude does not reach those who import us", name)
	}
}

func goModJSON(t *testing.T, name string) []byte {
	t.Helper()
	_, err := fs.Stat(repository(), name) // for go test's cache, which cannot see what go itself reads
	require.NoError(t, err)
	return goCommand(t, "mod", "edit", "-json", name)
}
