// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// Digest identifies a list of servers: SHA-256 over ids, canonical addresses and
// suffrages, in the order of the ids. Two lists that mean the same have the same one,
// whatever their order and spelling. The zero value stands for "no list".
type Digest [sha256.Size]byte

// DigestOf is the digest of servers; zero if there are none. It does not change them.
func DigestOf(servers []raft.Server) Digest {
	if len(servers) == 0 {
		return Digest{}
	}
	order := make([]int, len(servers)) // cheaper to sort than servers
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &servers[i], &servers[j]
		if c := strings.Compare(string(a.ID), string(b.ID)); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Suffrage, b.Suffrage))
	})
	b := make([]byte, 0, 64*len(servers))
	for _, i := range order {
		s := &servers[i]
		b = appendString(b, string(s.ID))
		b = appendString(b, canonical(s.Address))
		b = append(b, byte(s.Suffrage))
	}
	return sha256.Sum256(b)
}

// appendString writes the length first, so that no two lists share their bytes.
func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// IsZero reports whether d stands for no list.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is the first 12 hexadecimal digits, to be compared by eye; "none" for zero.
func (d Digest) String() string {
	if d.IsZero() {
		return "none"
	}
	return hex.EncodeToString(d[:6])
}

// MarshalText is all 64 hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, d[:]), nil
}

// UnmarshalText takes what MarshalText made, and nothing else.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("peers: a digest has %d hexadecimal digits, not %d characters", hex.EncodedLen(len(d)), len(text))
	}
	var parsed Digest
	if _, err := hex.Decode(parsed[:], text); err != nil {
		return fmt.Errorf("peers: digest: %w", err)
	}
	if again, _ := parsed.MarshalText(); string(again) != string(text) {
		return fmt.Errorf("peers: a digest is written in lower case")
	}
	*d = parsed
	return nil
}
