// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// binaryCodec is the id of raft-wal's BinaryCodec, the only one it ships.
const binaryCodec = 1

var errShort = errors.New("ends too early")

// decodeBinary decodes an entry of raft-wal's BinaryCodec: uvarints of index, term and type,
// data and extensions after their length, and a time. Upstream's panics on an over-long
// uvarint (codec.go, decoder.varint). l.Data and l.Extensions point into b.
func decodeBinary(b []byte, l *raft.Log) (err error) {
	*l = raft.Log{}
	var numbers [3]uint64
	for i := range numbers {
		if numbers[i], b, err = uvarint(b); err != nil {
			return err
		}
	}
	l.Index, l.Term, l.Type = numbers[0], numbers[1], raft.LogType(numbers[2])
	if numbers[2] > 255 {
		return fmt.Errorf("type %d", numbers[2])
	}
	if l.Data, b, err = blob(b); err != nil {
		return err
	}
	if l.Extensions, b, err = blob(b); err != nil {
		return err
	}
	if err := l.AppendedAt.UnmarshalBinary(b); err != nil {
		return fmt.Errorf("AppendedAt: %w", err)
	}
	return nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n == 0 {
		return 0, nil, errShort
	}
	if n < 0 {
		return 0, nil, errors.New("a number longer than 64 bits")
	}
	return v, b[n:], nil
}

// blob is nil if it is empty: the codec does not tell these apart.
func blob(b []byte) (data, rest []byte, err error) {
	n, b, err := uvarint(b)
	switch {
	case err != nil || n == 0:
		return nil, b, err
	case n > uint64(len(b)):
		return nil, nil, errShort
	}
	return b[:n:n], b[n:], nil
}
