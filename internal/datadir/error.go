// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"errors"
	"fmt"
	"io"
)

// ErrInUse is what opening a store returns while a process has it open.
var ErrInUse = errors.New("in use by a running process")

// ErrNotRegular is what opening a link, a FIFO, a device or the like returns.
var ErrNotRegular = errors.New("not followed, and not waited for")

// Error says what is wrong with a file, and where.
type Error struct {
	File   string // below the directory
	Offset int64  // -1: the file as a whole
	Reason string
	Err    error // nil, or what the system said
}

func (e *Error) Error() string {
	s := e.File
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	if s += ": " + e.Reason; e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

// source is bytes of known size: all that the parsers of this package read from.
type source struct {
	name string
	at   io.ReaderAt
	size int64
}

// read fills buf, or says why not. off may be anything.
func (s source) read(buf []byte, off int64) error {
	if n := int64(len(buf)); off < 0 || off > s.size-n {
		return s.fail(off, "%d bytes are needed here, but the file has only %d", n, s.size)
	}
	if n, err := s.at.ReadAt(buf, off); n < len(buf) {
		return &Error{s.name, off, fmt.Sprintf("read %d of %d bytes", n, len(buf)), err}
	}
	return nil
}

func (s source) fail(off int64, format string, args ...any) error {
	return &Error{s.name, off, fmt.Sprintf(format, args...), nil}
}
