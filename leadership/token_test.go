// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// corners are where the order of bytes would show if it was the wrong one.
var corners = []uint64{0, 1, 2, 255, 256, 257, 1 << 32, math.MaxUint64 - 1, math.MaxUint64}

// cornerTokens are in order. Every pair of them is tried, rather than a sample:
// a mutant's killer must not write what rapid found into the tree.
func cornerTokens() (all []Token) {
	for _, term := range corners {
		for _, index := range corners {
			all = append(all, Token{term, index})
		}
	}
	return all
}

func TestTokenOrder(t *testing.T) {
	all := cornerTokens()
	for i, a := range all {
		inBytes, err := a.MarshalBinary()
		require.NoError(t, err)
		for j, b := range all {
			want := cmp.Compare(i, j)
			other, err := b.AppendBinary(nil)
			require.NoError(t, err)
			if a.Compare(b) != want || bytes.Compare(inBytes, other) != want {
				t.Fatalf("%v and %v: Compare %d, as bytes %d, want %d", a, b, a.Compare(b), bytes.Compare(inBytes, other), want)
			}
		}
	}
}

func TestTokenRoundTrips(t *testing.T) {
	number := rapid.Uint64()
	rapid.Check(t, func(t *rapid.T) {
		a := Token{Term: number.Draw(t, "term"), Index: number.Draw(t, "index")}
		inBytes, err := a.MarshalBinary()
		require.NoError(t, err)
		require.Len(t, inBytes, tokenSize)
		var fromBytes, fromJSON Token
		require.NoError(t, fromBytes.UnmarshalBinary(inBytes))
		require.Equal(t, a, fromBytes)
		text, err := json.Marshal(a)
		require.NoError(t, err)
		require.Equal(t, `"`+a.String()+`"`, string(text))
		require.NoError(t, json.Unmarshal(text, &fromJSON))
		require.Equal(t, a, fromJSON)
	})
}

func TestTokenIsStrict(t *testing.T) {
	kept := Token{1, 2}
	for _, n := range []int{0, 1, 15, 17, 32} {
		got := kept
		require.ErrorContains(t, got.UnmarshalBinary(make([]byte, n)), "16 bytes, got ")
		require.Equal(t, kept, got)
	}
	for _, text := range []string{
		"", "/", "1", "1/", "/1", "1/2/3", "+1/2", "1/-2", "01/2", "1/02", " 1/2", "1/2 ", "1/0x2", "1_0/2", "18446744073709551616/1",
	} {
		got := kept
		require.ErrorContains(t, got.UnmarshalText([]byte(text)), "term/index", text)
		require.Equal(t, kept, got)
	}
}

func TestTokenZero(t *testing.T) {
	require.True(t, Token{}.IsZero())
	require.False(t, Token{Index: 1}.IsZero())
	require.False(t, Token{Term: 1}.IsZero())
	require.Equal(t, -1, Token{}.Compare(Token{Index: 1}))
	require.Equal(t, "12/3456", Token{12, 3456}.String())
	inBytes, err := Token{1, 256}.AppendBinary([]byte("k"))
	require.NoError(t, err)
	require.Equal(t, "k\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x00", string(inBytes))
}
