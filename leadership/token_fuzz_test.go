// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is read as a Token is written back as it was, in either form.
func FuzzToken(f *testing.F) {
	for _, text := range []string{"12/3456", "0/0", "18446744073709551615/1", "01/2", "+1/2", "1/", "", "0123456789abcdef"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var token Token
		if token.UnmarshalText(b) == nil {
			text, err := token.MarshalText()
			require.NoError(t, err)
			require.Equal(t, string(b), string(text))
		} else {
			require.True(t, token.IsZero())
		}
		if token.UnmarshalBinary(b) == nil {
			binary, err := token.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, b, binary)
		}
	})
}
