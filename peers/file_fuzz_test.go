// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"path/filepath"
	"testing"
)

// Whatever the bytes, we and raft agree on what they mean, or we refuse for a reason of
// the table.
func FuzzParsePeers(f *testing.F) {
	for _, data := range accepted {
		f.Add([]byte(data))
	}
	for _, tc := range refusals {
		if len(tc.data) < 1000 {
			f.Add([]byte(tc.data))
		}
	}
	path := filepath.Join(f.TempDir(), "peers.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if !compare(t, path, data) {
			compareRefusal(t, path, data)
		}
	})
}
