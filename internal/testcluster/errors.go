// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import "errors"

var (
	// ErrInjected is in the chain of every error that a fault of this package
	// made, unless the caller gave an error of his own.
	ErrInjected = errors.New("testcluster: injected fault")

	// ErrNeverFired says that a fault was requested and did not happen once.
	ErrNeverFired = errors.New("testcluster: requested faults never fired")

	// ErrViolated says that raft, or the code under test, broke a promise:
	// servers differ, or an acknowledged write is gone.
	ErrViolated = errors.New("testcluster: invariant violated")

	// ErrDown says that the server is not running: it crashed, or the cluster
	// is closed.
	ErrDown = errors.New("testcluster: server is down")

	// ErrUnknownOutcome says that a write may or may not happen, now or later.
	ErrUnknownOutcome = errors.New("testcluster: outcome unknown")
)
