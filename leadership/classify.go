// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"

	"github.com/hashicorp/raft"
)

// Class is what an error of raft means to a leader: whether to go on. It does
// not say whether a write may be repeated; [ErrOutcomeUnknown] does.
type Class uint8

// The classes, from the one that says nothing.
const (
	Other    Class = iota // not about leadership: a context's end, or the program's own error
	OK                    // no error
	Retry                 // it still leads: the same call may work in a moment
	Lost                  // this leadership is over; there may be another
	Terminal              // raft has shut down: there will be none
)

var classNames = [...]string{Other: "other", OK: "ok", Retry: "retry", Lost: "lost", Terminal: "terminal"}

// String returns the name of the constant in lower case.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown class"
}

// classes is searched from the top: where several errors are joined, the one
// that leaves the least to hope for decides.
var classes = []struct {
	err   error
	class Class
}{
	{raft.ErrRaftShutdown, Terminal},
	{ErrClosed, Terminal},
	{ErrShutdown, Terminal},
	{raft.ErrNotLeader, Lost},
	{raft.ErrLeadershipLost, Lost},
	{ErrLost, Lost},
	{raft.ErrEnqueueTimeout, Retry},
	{raft.ErrLeadershipTransferInProgress, Retry},
	{raft.ErrAbortedByRestore, Retry},
}

// Classify says what an error of raft, or of this package, means to a leader.
// It looks through wrapping and joining. The errors of a context are Other,
// for they are the caller's own doing; a cause that is an error of this
// package is classed as that error.
//
//	Retry     raft: ErrEnqueueTimeout, ErrLeadershipTransferInProgress, ErrAbortedByRestore
//	Lost      raft: ErrNotLeader, ErrLeadershipLost; and ErrLost
//	Terminal  raft: ErrRaftShutdown; and ErrClosed, ErrShutdown
//
// A transfer that hangs can make raft answer ErrLeadershipTransferInProgress
// for ever (hashicorp/raft#696), so bound the retries.
func Classify(err error) Class {
	if err == nil {
		return OK
	}
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return c.class
		}
	}
	return Other
}
