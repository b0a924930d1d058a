// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build !unix || solaris || aix || android

package datadir

import "os"

// lock does nothing: bbolt's locks here are not flocks. Those of fcntl cannot be probed
// safely, as closing any descriptor of a file gives up the process's own locks on it.
func lock(*os.File, string) error { return nil }
