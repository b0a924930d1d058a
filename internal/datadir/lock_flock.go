// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix && !solaris && !aix && !android

package datadir

import (
	"os"
	"syscall"
)

// lock takes a shared flock until f is closed. bbolt holds an exclusive one for as long as
// a store is open (bolt_unix.go, flock), so that this fails at once; a store that is
// opened meanwhile waits for us, and does not write below our feet.
func lock(f *os.File, name string) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return &Error{name, -1, "cannot be locked", err}
	}
	if ctl := conn.Control(func(fd uintptr) {
		err = syscall.Flock(int(fd), syscall.LOCK_SH|syscall.LOCK_NB)
	}); ctl != nil {
		err = ctl
	}
	switch {
	case err == nil:
		return nil
	case err == syscall.EWOULDBLOCK:
		return &Error{name, -1, "stop the server first, or look at a copy", ErrInUse}
	}
	return &Error{name, -1, "cannot tell whether a process uses it", err}
}
