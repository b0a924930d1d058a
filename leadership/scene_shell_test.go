// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

// Scenes that need a hand inside: S8, exactly, S23 and S32 of the failure
// catalogue.

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// refusing is raft that refuses its first barriers.
type refusing struct {
	server
	left atomic.Int32
	with error
}

func (r *refusing) Barrier(timeout time.Duration) raft.Future {
	if r.left.Add(-1) >= 0 {
		return spot{r.with}
	}
	return r.server.Barrier(timeout)
}

// spot is what raft answers on the spot.
type spot struct{ err error }

func (r spot) Error() error { return r.err }

// S8: a first barrier that is refused for a reason that passes costs less than
// 200 ms. In nomad and consul it costs a minute.
func TestS8_RefusedBarriersCostLittle(t *testing.T) {
	for _, tc := range []struct {
		err   error
		times int32
		limit time.Duration
	}{
		{raft.ErrLeadershipTransferInProgress, 1, 25 * time.Millisecond},
		{raft.ErrLeadershipTransferInProgress, 3, 200 * time.Millisecond},
		{raft.ErrAbortedByRestore, 1, 25 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := NewNotifier()
			began := make(chan time.Time, 1)
			role := Role{Establish: func(context.Context, *Session) error {
				began <- time.Now()
				return nil
			}}
			var runner *Runner
			c, err := testcluster.New(testcluster.Config{
				Servers:   1,
				Configure: func(_ raft.ServerID, conf *raft.Config) { conf.NotifyCh = n.NotifyCh() },
				Started: func(s *testcluster.Server) {
					require.NoError(t, n.Attach(s.Raft()))
					r := &refusing{server: transferrer{s.Raft()}, with: tc.err}
					r.left.Store(tc.times)
					runner = newRunner(r, n, role, Config{})
				},
			})
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- runner.Run(ctx) }()
			t.Cleanup(func() {
				stop()
				require.NoError(t, <-ended)
				time.Sleep(time.Millisecond)
				require.NoError(t, c.Close())
			})
			s, err := n.WaitLeader(ctx)
			require.NoError(t, err)
			took := (<-began).Sub(s.Since)
			t.Logf("gain to Establish with %d refusals (%v): %v", tc.times, tc.err, took)
			require.LessOrEqual(t, took, tc.limit)
			require.Zero(t, runner.Status().Failures)
		})
	}
}

// S23: openbao stopped a timer, received from its channel what it had received
// before, and waited for ever. Here no receive from a timer stands alone: each is
// one case of a select that has another, and ends without it.
func TestS23_NoReceiveFromATimerStandsAlone(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set, seen := token.NewFileSet(), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		fine := map[ast.Node]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectStmt:
				for _, clause := range n.Body.List {
					if comm, ok := clause.(*ast.CommClause).Comm.(*ast.ExprStmt); ok && len(n.Body.List) > 1 {
						fine[comm.X] = true
					}
				}
			case *ast.UnaryExpr:
				if from, ok := n.X.(*ast.SelectorExpr); ok && n.Op == token.ARROW && from.Sel.Name == "C" {
					seen++
					require.True(t, fine[n], "%v waits for a timer alone", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
	require.Positive(t, seen)
}

// S32: a program that is starved of CPU, or collects garbage, comes late. raft
// does not wait for it (guarantee 1), there is one decision to take, about now, and
// the operator is told what to look at.
func TestS32_StarvedProgramIsTold(t *testing.T) {
	var log bytes.Buffer
	n := NewNotifier()
	f := newFakeRaft(n)
	r := newRunner(nil, n, Role{}, Config{Logger: hclog.New(&hclog.LoggerOptions{Output: &log})})
	l := newLoop(t.Context(), r)
	f.flap(100) // the loop gets no CPU
	l.catchUpWithRaft()
	require.Zero(t, f.waited)
	require.False(t, l.machine.cur.live, "nothing is begun for a leadership that is over")
	require.Contains(t, log.String(), "gained=100 lost=100 leader_now=false epoch=100")
	for _, cause := range []string{"disk", "network", "paging", "CPU"} {
		require.Contains(t, log.String(), cause)
	}
	require.True(t, slices.ContainsFunc(r.Timeline(), func(e Event) bool { return e.Note == "leadership flapped" }))

	log.Reset()
	f.flap(1)
	l.catchUpWithRaft()
	require.Contains(t, log.String(), "flapped", "gained and lost unseen is a flap")
	log.Reset()
	l.catchUpWithRaft()
	require.Empty(t, log.String(), "and told once")
}

// A Transfer that comes when the loop has taken its last event is answered, too.
func TestTransferInTheLastInstant(t *testing.T) {
	r := newRunner(nil, NewNotifier(), Role{}, Config{})
	l := newLoop(t.Context(), r)
	reply := make(chan error, 1)
	r.replies[7] = reply
	require.True(t, r.mail.post(event{kind: evTransfer, serial: 7}))
	l.close()
	require.Len(t, reply, 1)
	require.ErrorIs(t, <-reply, ErrStopped)
	require.False(t, r.mail.post(event{}))
}

// regained is raft that loses leadership and wins it again while it applies.
type regained struct {
	server
	term atomic.Uint64
}

func (r *regained) CurrentTerm() uint64 { return r.term.Load() }

func (r *regained) Apply([]byte, time.Duration) raft.ApplyFuture {
	r.term.Add(1)
	return &taken{}
}

type taken struct{ raft.ApplyFuture }

func (*taken) Error() error  { return nil }
func (*taken) Index() uint64 { return 9 }
func (*taken) Response() any { return nil }

func TestGuarantee16_SessionApplyOfAnotherTerm(t *testing.T) {
	r := &regained{}
	r.term.Store(3)
	s := &Session{runner: newRunner(r, NewNotifier(), Role{}, Config{}), ctx: t.Context(), token: Token{Term: 3, Index: 5}}
	_, index, err := s.Apply(t.Context(), []byte("x"))
	require.ErrorIs(t, err, ErrOutcomeUnknown)
	require.ErrorIs(t, err, ErrLost)
	require.EqualValues(t, 9, index)
	_, _, err = s.Apply(t.Context(), []byte("y"))
	require.ErrorIs(t, err, ErrLost)
	require.NotErrorIs(t, err, ErrOutcomeUnknown, "the session is of a term that is over: raft was not asked")
	require.EqualValues(t, 4, r.term.Load())
}
