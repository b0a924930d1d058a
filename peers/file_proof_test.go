// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build proof

package peers

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestProofPeersFiles writes random lists and reads them back (P10), and damages each by
// a byte: what is then accepted means what raft takes it for, or is written as it reads.
func TestProofPeersFiles(t *testing.T) {
	const files = 100_000
	draw := rapid.Custom(drawFile)
	cases := 0
	for seed := range files {
		f := draw.Example(seed)
		data, err := f.Encode()
		require.NoError(t, err)
		read, err := ParsePeers(data, ParseConfig{AllowSingle: true})
		if err != nil || !sameFile(f, read) {
			t.Fatalf("seed %d: %v: wrote %+v, read %+v", seed, err, f, read)
		}
		cases++
		for i := range 9 {
			damaged := bytes.Clone(data)
			damaged[(seed*31+i*len(data)/9)%len(data)] ^= byte(1 << (seed % 8))
			read, err := ParsePeers(damaged, ParseConfig{AllowSingle: true})
			if err == nil {
				again, err := read.Encode()
				require.NoError(t, err)
				reread, err := ParsePeers(again, ParseConfig{AllowSingle: true})
				require.NoError(t, err)
				require.True(t, sameFile(read, reread), "seed %d: %q", seed, damaged)
			}
			cases++
		}
	}
	fmt.Printf("proof: peers-files %d cases\n", cases)
}

func sameFile(a, b File) bool {
	return a.Protocol == b.Protocol && DigestOf(a.Servers) == DigestOf(b.Servers) && fmt.Sprint(a.Servers) == fmt.Sprint(b.Servers)
}
