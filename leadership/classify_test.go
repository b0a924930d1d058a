// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		want Class
		errs []error
	}{
		{Retry, []error{raft.ErrEnqueueTimeout, raft.ErrLeadershipTransferInProgress, raft.ErrAbortedByRestore}},
		{Lost, []error{
			raft.ErrNotLeader, raft.ErrLeadershipLost,
			ErrLost, ErrTransferred, ErrSuperseded, ErrLeaseLost, ErrRemoved,
		}},
		{Terminal, []error{raft.ErrRaftShutdown, ErrClosed, ErrShutdown}},
		{Other, []error{
			context.Canceled, context.DeadlineExceeded, ErrOutcomeUnknown, ErrEstablishTimeout,
			raft.ErrNothingNewToSnapshot, errors.New("disk full"), // what a log store answers
		}},
	} {
		for _, err := range tc.errs {
			require.Equal(t, tc.want, Classify(err), err)
			require.Equal(t, tc.want, Classify(fmt.Errorf("apply: %w", err)), "wrapped: %v", err)
			require.Equal(t, tc.want, Classify(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)), "outcome unknown: %v", err)
		}
	}
	require.Equal(t, OK, Classify(nil))
	require.Equal(t, Lost, Classify(errors.Join(raft.ErrEnqueueTimeout, raft.ErrNotLeader)), "the worse one decides")
	require.Equal(t, Terminal, Classify(errors.Join(raft.ErrNotLeader, raft.ErrRaftShutdown)), "the worse one decides")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrTransferred)
	require.Equal(t, Lost, Classify(ended(ctx)), "the context ended because leadership did")
}

func TestClassNames(t *testing.T) {
	require.Equal(t, "other ok retry lost terminal unknown class",
		fmt.Sprint(Other, " ", OK, " ", Retry, " ", Lost, " ", Terminal, " ", Terminal+1))
	var zero Class
	require.Equal(t, Other, zero)
}

// Every cause is ErrLost, and still itself and no other.
func TestCausesAreLost(t *testing.T) {
	causes := []error{ErrTransferred, ErrSuperseded, ErrLeaseLost, ErrRemoved, ErrShutdown}
	for i, cause := range causes {
		require.ErrorIs(t, cause, ErrLost)
		require.NotErrorIs(t, ErrLost, cause)
		for j, other := range causes {
			require.Equal(t, i == j, cause == other)
			require.Equal(t, i == j, errors.Is(cause, other))
		}
	}
	require.NotErrorIs(t, ErrTransferred, ErrClosed)
}
