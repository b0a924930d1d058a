// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// tokenSize is the length of a Token in binary.
const tokenSize = 16

// Token is a fencing token: a resource that remembers the greatest Token it
// has seen, and refuses what comes with a lesser one, is safe from a leader
// that does not know yet that it was superseded. The zero Token is less than
// every other and stands for none.
//
// Take it from [Session.Token], or from [Calls.Barrier], which proves it: this
// server led Term, and had applied everything up to Index. Two servers never get
// the same one, and one that is taken later, anywhere in the cluster, is greater. A
// term that is read when leadership is reported proves nothing: by the time
// CurrentTerm answers it may be another leader's, and two servers then hold the same
// number.
type Token struct {
	Term  uint64 // of the leadership; unique to one server
	Index uint64 // of the barrier that proved it, in raft's log
}

// Compare returns -1 if t is older than u, 0 if they are equal, and 1 if t is
// newer. Terms decide; the index orders tokens of one leadership.
func (t Token) Compare(u Token) int {
	return cmp.Or(cmp.Compare(t.Term, u.Term), cmp.Compare(t.Index, u.Index))
}

// IsZero reports whether t stands for no token.
func (t Token) IsZero() bool { return t == Token{} }

// String returns term and index, as in 12/3456. Strings do not order as tokens
// do; the binary form does.
func (t Token) String() string {
	text, _ := t.AppendText(nil)
	return string(text)
}

// AppendBinary appends the 16 bytes of MarshalBinary. It never fails.
func (t Token) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, t.Term)
	return binary.BigEndian.AppendUint64(b, t.Index), nil
}

// MarshalBinary returns 16 bytes, term and index in big endian: bytes.Compare,
// and every store that orders keys by bytes, orders them as Compare does. It
// never fails.
func (t Token) MarshalBinary() ([]byte, error) {
	return t.AppendBinary(make([]byte, 0, tokenSize))
}

// UnmarshalBinary reads what MarshalBinary wrote. Any length but 16 bytes is an
// error and leaves t as it was.
func (t *Token) UnmarshalBinary(b []byte) error {
	if len(b) != tokenSize {
		return fmt.Errorf("leadership: a Token has %d bytes, got %d", tokenSize, len(b))
	}
	*t = Token{Term: binary.BigEndian.Uint64(b), Index: binary.BigEndian.Uint64(b[8:])}
	return nil
}

// AppendText appends what String returns. It never fails.
func (t Token) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendUint(b, t.Term, 10)
	b = append(b, '/')
	return strconv.AppendUint(b, t.Index, 10), nil
}

// MarshalText returns what String returns, so that a Token is "12/3456" in
// JSON: as two numbers it would be rounded by readers that know only floats.
func (t Token) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// UnmarshalText reads what MarshalText wrote, and nothing else: a sign, a space
// or a leading zero is an error and leaves t as it was.
func (t *Token) UnmarshalText(text []byte) error {
	term, index, _ := strings.Cut(string(text), "/")
	var u Token
	var termErr, indexErr error
	u.Term, termErr = strconv.ParseUint(term, 10, 64)
	u.Index, indexErr = strconv.ParseUint(index, 10, 64)
	if termErr != nil || indexErr != nil || u.String() != string(text) {
		return fmt.Errorf("leadership: a Token is written term/index, as in 12/3456, got %q", text)
	}
	*t = u
	return nil
}
