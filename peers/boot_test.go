// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestBoot_NamesWhatIsMissing(t *testing.T) {
	_, err := Boot(t.Context(), BootConfig{Expect: -1, ProbeTimeout: -1})
	for _, name := range []string{"Local", "Logs", "Stable", "Snaps", "Source", "Prober", "Expect", "ProbeTimeout"} {
		require.ErrorContains(t, err, "peers: BootConfig."+name)
	}
}

// readOnly fails every write.
type readOnly struct {
	*raft.InmemStore
	raft.SnapshotStore
}

var errWrite = errors.New("a write")

func (readOnly) StoreLog(*raft.Log) error         { panic(errWrite) }
func (readOnly) StoreLogs([]*raft.Log) error      { panic(errWrite) }
func (readOnly) DeleteRange(uint64, uint64) error { panic(errWrite) }
func (readOnly) Set([]byte, []byte) error         { panic(errWrite) }
func (readOnly) SetUint64([]byte, uint64) error   { panic(errWrite) }
func (readOnly) Create(raft.SnapshotVersion, uint64, uint64, raft.Configuration, uint64, raft.Transport) (raft.SnapshotSink, error) {
	panic(errWrite)
}

// storedNode has the log that is asked for, and a snapshot at index snap, if not 0.
func storedNode(t *testing.T, snap uint64, entries ...raft.Log) *bootNode {
	t.Helper()
	n := newBootFleet(3).nodes["n0"]
	if snap > 0 {
		sink, err := n.snaps.Create(1, snap, 2, raft.Configuration{Servers: bootServers(true, true, true)}, 1, n.trans)
		require.NoError(t, err)
		require.NoError(t, sink.Close())
	}
	for i := range entries {
		require.NoError(t, n.store.StoreLog(&entries[i]))
	}
	require.NoError(t, n.store.SetUint64(keyCurrentTerm, 6))
	return n
}

func configEntry(index, term uint64, servers []raft.Server) raft.Log {
	return raft.Log{Index: index, Term: term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(raft.Configuration{Servers: servers})}
}

// TestGuarantee19_F12_ReadsTheStores: what the stores hold is read, and nothing written.
func TestGuarantee19_F12_ReadsTheStores(t *testing.T) {
	three, two := bootServers(true, true, true), bootServers(true, true)
	for name, tc := range map[string]struct {
		snap    uint64
		entries []raft.Log
		want    Reply
	}{
		"term only":      {want: Reply{}},
		"first entry":    {0, []raft.Log{configEntry(1, 1, three)}, Reply{LastTerm: 1, LastIndex: 1, Servers: three, ConfigIndex: 1}},
		"newest entry":   {0, []raft.Log{configEntry(1, 1, three), configEntry(2, 2, two), {Index: 3, Term: 5}}, Reply{LastTerm: 5, LastIndex: 3, Servers: two, ConfigIndex: 2}},
		"snapshot alone": {9, nil, Reply{LastTerm: 2, LastIndex: 9, Servers: three, ConfigIndex: 1}},
		"older than the snapshot": {
			9,
			[]raft.Log{configEntry(8, 2, two), {Index: 9, Term: 2}, {Index: 10, Term: 3}},
			Reply{LastTerm: 3, LastIndex: 10, Servers: three, ConfigIndex: 1},
		},
		"newer than the snapshot": {9, []raft.Log{{Index: 9, Term: 2}, configEntry(10, 4, two)}, Reply{LastTerm: 4, LastIndex: 10, Servers: two, ConfigIndex: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			n := storedNode(t, tc.snap, tc.entries...)
			c := n.config()
			stores := readOnly{n.store, n.snaps}
			c.Logs, c.Stable, c.Snaps, c.Dir = stores, stores, stores, t.TempDir()
			v, err := Boot(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, ActStart, v.Action)
			tc.want.ID, tc.want.Address, tc.want.ClusterID, tc.want.HasState, tc.want.Term = "n0", "10.0.0.0:8300", "blue", true, 6
			require.Equal(t, tc.want, n.local.Reply())
			require.False(t, n.local.wasRecovered(), "there is no trace of a recovery")
		})
	}
}

func TestBoot_UnreadableLogIsAnError(t *testing.T) {
	n := storedNode(t, 0, raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: []byte("?")})
	_, err := Boot(t.Context(), n.config())
	require.ErrorContains(t, err, "entry 1 of the log")
}

type hangingProber struct{}

func (hangingProber) Probe(ctx context.Context, _ raft.Server) (Reply, error) {
	<-ctx.Done()
	return Reply{}, ctx.Err()
}

// F11: what hangs is waited for as long as was said, and counts as silent.
func TestGuarantee19_F11_HangsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := FuncSource(func(ctx context.Context) (View, error) { <-ctx.Done(); return View{}, ctx.Err() })
		f := newBootFleet(3)
		t.Cleanup(func() { f.stop(t) })
		for name, change := range map[string]func(*BootConfig){
			"source": func(c *BootConfig) { c.Source = source },
			"prober": func(c *BootConfig) { c.Prober = hangingProber{} },
		} {
			c := f.nodes["n0"].config()
			c.Expect = 3
			change(&c)
			rounds := 0
			c.Progress = func(Verdict) { rounds++ }
			ctx, cancel := context.WithTimeout(t.Context(), 20500*time.Millisecond)
			defer cancel()
			began := time.Now()
			v, err := Boot(ctx, c)
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorContains(t, err, v.Reason, name)
			require.Equal(t, 20500*time.Millisecond, time.Since(began), name)
			require.Equal(t, ActWait, v.Action, name)
			require.Equal(t, 10, rounds, "%s: a second to ask, a second to wait", name)
			require.Zero(t, f.nodes["n0"].writes(), name)
		}
	})
}

// stubborn ignores its context the first time, and answers late: what it then says is old.
func TestGuarantee19_F11_LateAnswersAreThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c call[int]
		var n atomic.Int32
		stubborn := func(context.Context) (int, error) {
			mine := int(n.Add(1))
			time.Sleep(3 * time.Second)
			return mine, t.Context().Err()
		}
		ask := func(d time.Duration) (int, error) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return c.do(ctx, stubborn)
		}
		_, err := ask(time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = ask(time.Second)
		require.ErrorIs(t, err, errHangs)
		require.EqualValues(t, 1, n.Load(), "one call at a time")
		got, err := ask(10 * time.Second)
		require.NoError(t, err)
		require.Equal(t, 2, got)
	})
}

// changing tells of changes all the time.
type changing struct {
	*bootFleet
	changes chan struct{}
}

func (c changing) Changes() <-chan struct{} { return c.changes }

func TestBoot_LooksAgainWhenDiscoveryHasNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newBootFleet(3)
		t.Cleanup(func() { f.stop(t) })
		changes := make(chan struct{})
		close(changes)
		for name, tc := range map[string]struct {
			source Source
			rounds int
		}{
			"no news":      {f, 10},
			"broken":       {changing{f, changes}, 10},
			"always news ": {changing{f, always(t)}, 99},
		} {
			c := f.nodes["n0"].config()
			c.Source = tc.source
			rounds := 0
			c.Progress = func(Verdict) { rounds++ }
			var text bytes.Buffer
			c.Logger = hclog.New(&hclog.LoggerOptions{Output: &text})
			ctx, cancel := context.WithTimeout(t.Context(), 9900*time.Millisecond)
			defer cancel()
			_, err := Boot(ctx, c)
			require.Error(t, err)
			require.InDelta(t, tc.rounds, rounds, 1, name)
			require.Equal(t, 1, bytes.Count(text.Bytes(), []byte("waiting to be added")), "%s: one line, not one a round", name)
		}
	})
}

func always(t *testing.T) chan struct{} {
	c := make(chan struct{})
	go func() {
		for {
			select {
			case c <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	return c
}

// A verdict that this server no longer stands by is not acted upon.
func TestGuarantee19_F10_OldVerdictDoesNotBootstrap(t *testing.T) {
	n := newBootFleet(3).nodes["n0"]
	in := blankInput()
	v := BootPlan(in)
	require.Equal(t, ActBootstrap, v.Action)
	v.bound = &bound{BootConfig: n.config()}
	require.ErrorIs(t, n.act(t.Context(), v), ErrWait, "another offer was made since")
	require.Zero(t, n.writes())

	n.local.promise(v.Offer)
	require.NoError(t, n.act(t.Context(), v))
	r := n.local.Reply()
	require.True(t, r.HasState, "others can see it before raft runs")
	require.Equal(t, v.Digest, r.Config())
	require.Equal(t, uint64(1), r.ConfigIndex)
	require.ErrorIs(t, n.act(t.Context(), v), raft.ErrCantBootstrap)
}

func TestVerdict_ActChecksWhoseItIs(t *testing.T) {
	f := newBootFleet(2)
	v := Verdict{Action: ActStart, bound: &bound{BootConfig: f.nodes["n1"].config()}}
	require.ErrorContains(t, f.nodes["n0"].act(t.Context(), v), `"n0", and the boot check was for "n1"`)
	require.NoError(t, f.nodes["n1"].act(t.Context(), v))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.nodes["n1"].act(ctx, v), context.Canceled)
	require.ErrorContains(t, f.nodes["n1"].act(t.Context(), Verdict{Action: ActRecover}), "call Recover")
	require.ErrorIs(t, f.nodes["n1"].act(t.Context(), Verdict{}), ErrWait, "the zero verdict starts nothing")
}

func TestVerdict_Prints(t *testing.T) {
	in := blankInput()
	in.lose("n2")
	require.Equal(t, `wait: 3 servers are expected, and not all that are there can be counted
  warning boot-unreachable "n2": it is alive and could not be asked (connection refused): it may have state; let it answer; or, if it is gone for good, make discovery say that it has left
`, BootPlan(in).String())
	require.Equal(t, "action(?)", Action(9).String())
	text, err := ActRecover.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "recover", string(text))
	require.Equal(t, "refuse", fmt.Sprint(ActRefuse))
}
