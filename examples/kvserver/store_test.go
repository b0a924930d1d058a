// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/leadership"
)

var older, newer = leadership.Token{Term: 2, Index: 9}, leadership.Token{Term: 3, Index: 4}

func do(s *store, c command) any { return s.Apply(&raft.Log{Data: c.encode()}) }

func TestOlderTokenIsFenced(t *testing.T) {
	s := newStore()
	require.Nil(t, do(s, command{op: claim, token: older}))
	require.Nil(t, do(s, command{op: put, token: older, key: "k", value: []byte("old")}))
	require.Nil(t, do(s, command{op: claim, token: newer}))
	for _, late := range []command{
		{op: put, token: older, key: "k", value: []byte("late")},
		{op: put, token: older, key: "other"},
		{op: remove, token: older, key: "k"},
		{op: claim, token: older},
		{op: claim, token: leadership.Token{Term: 3, Index: 3}},
	} {
		require.Equal(t, errFenced, do(s, late))
	}
	require.Equal(t, map[string][]byte{"k": []byte("old")}, s.values)
	require.Equal(t, newer, s.token)
	require.Nil(t, do(s, command{op: put, token: newer, key: "k", value: []byte("new")}))
	require.Nil(t, do(s, command{op: remove, token: newer, key: "k"}))
	require.Nil(t, do(s, command{op: remove, token: newer, key: "k"}))
	require.Empty(t, s.values)
}

// Fencing outlives a snapshot: the token is a part of it.
func TestRestoredStoreFences(t *testing.T) {
	s := newStore()
	require.Nil(t, do(s, command{op: claim, token: newer}))
	restored := newStore()
	require.NoError(t, restored.Restore(io.NopCloser(bytes.NewReader(snapshotOf(t, s)))))
	require.Equal(t, errFenced, do(restored, command{op: put, token: older, key: "k"}))
}

func TestBadCommandChangesNothing(t *testing.T) {
	good := command{op: put, token: newer, key: "k", value: []byte("v")}.encode()
	change := func(at int, to ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(to), to...) }
	for name, b := range map[string][]byte{
		"empty":            nil,
		"cut in the head":  good[:head-1],
		"cut in the key":   good[:head],
		"cut in the value": good[:len(good)-1],
		"longer":           append(slices.Clone(good), 0),
		"op 0":             change(0, 0),
		"op 4":             change(0, 4),
		"no key":           command{op: put, token: newer}.encode(),
		"long key":         command{op: put, token: newer, key: strings.Repeat("k", maxKey+1)}.encode(),
		"long value":       command{op: put, token: newer, key: "k", value: make([]byte, maxValue+1)}.encode(),
		"huge value":       change(19, 255, 255, 255, 255),
		"remove a value":   command{op: remove, token: newer, key: "k", value: []byte("v")}.encode(),
		"remove nothing":   command{op: remove, token: newer}.encode(),
		"claim a key":      command{op: claim, token: newer, key: "k"}.encode(),
		"claim a value":    command{op: claim, token: newer, value: []byte("v")}.encode(),
	} {
		s := newStore()
		err, _ := s.Apply(&raft.Log{Data: b}).(error)
		require.ErrorIs(t, err, errCommand, name)
		require.Equal(t, newStore().state, s.state, name)
	}
	largest := command{op: put, token: newer, key: strings.Repeat("k", maxKey), value: make([]byte, maxValue)}
	require.Nil(t, do(newStore(), largest))
}

func TestSnapshotRoundTrip(t *testing.T) {
	a, b := newStore(), newStore()
	for i, s := range []*store{a, b} { // the same state by two ways
		require.Nil(t, do(s, command{op: put, token: older, key: []string{"gone", "k2"}[i]}))
		require.Nil(t, do(s, command{op: put, token: newer, key: "k1", value: []byte{0, 255}}))
		require.Nil(t, do(s, command{op: remove, token: newer, key: "gone"}))
		require.Nil(t, do(s, command{op: put, token: newer, key: "k2", value: []byte{}}))
	}
	b1 := snapshotOf(t, a)
	require.Equal(t, b1, snapshotOf(t, b), "one state, one snapshot")

	restored := newStore()
	require.Nil(t, do(restored, command{op: put, token: older, key: "replaced"}))
	require.NoError(t, restored.Restore(io.NopCloser(bytes.NewReader(b1))))
	require.Equal(t, a.state, restored.state)
	require.Equal(t, b1, snapshotOf(t, restored))

	empty := newStore()
	require.NoError(t, empty.Restore(io.NopCloser(bytes.NewReader(snapshotOf(t, newStore())))))
	require.Equal(t, newStore().state, empty.state)
}

func TestSnapshotIsOfItsMoment(t *testing.T) {
	s := newStore()
	require.Nil(t, do(s, command{op: put, token: older, key: "k", value: []byte("then")}))
	then, err := s.Snapshot()
	require.NoError(t, err)
	require.Nil(t, do(s, command{op: put, token: newer, key: "k", value: []byte("now")}))
	require.Nil(t, do(s, command{op: put, token: newer, key: "more"}))
	require.Equal(t, state{older, map[string][]byte{"k": []byte("then")}}, then)
}

func TestBadSnapshotChangesNothing(t *testing.T) {
	full := newStore()
	require.Nil(t, do(full, command{op: put, token: newer, key: "a", value: []byte("1")}))
	require.Nil(t, do(full, command{op: put, token: newer, key: "b", value: []byte("2")}))
	good := snapshotOf(t, full)
	entry := func(key string) []byte { return command{op: put, key: key}.encode() }
	end := command{op: claim, token: newer}.encode()
	bad := map[string][]byte{
		"longer":           append(slices.Clone(good), 0),
		"twice":            append(slices.Clone(good), good...),
		"not in order":     slices.Concat(entry("b"), entry("a"), end),
		"a key twice":      slices.Concat(entry("a"), entry("a"), end),
		"a put with token": slices.Concat(command{op: put, token: newer, key: "a"}.encode(), end),
		"a remove":         slices.Concat(entry("a"), command{op: remove, key: "b"}.encode(), end),
		"a remove at last": command{op: remove, key: "b"}.encode(),
	}
	for n := range good {
		bad["cut at "+string(rune(n))] = good[:n]
	}
	for name, b := range bad {
		s := newStore()
		require.Nil(t, do(s, command{op: put, token: older, key: "kept"}))
		before := state{s.token, maps.Clone(s.values)}
		require.Error(t, s.Restore(io.NopCloser(bytes.NewReader(b))), name)
		require.Equal(t, before, s.state, name)
	}
}

func TestPersistCancelsWhatItCannotWrite(t *testing.T) {
	sink := &sink{broken: errors.New("disk full")}
	require.ErrorIs(t, newStore().Persist(sink), sink.broken)
	require.True(t, sink.cancelled)
	require.False(t, sink.closed)
}

func FuzzCommand(f *testing.F) {
	f.Add(command{op: claim, token: newer}.encode())
	f.Add(command{op: put, token: newer, key: "k", value: []byte("v")}.encode())
	f.Add(command{op: remove, token: older, key: "k"}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		c, err := readCommand(in)
		if err != nil {
			return
		}
		if got, want := c.encode(), b[:len(b)-in.Len()]; !bytes.Equal(got, want) {
			t.Errorf("%x is read as %+v, which is written as %x", want, c, got)
		}
		refused := newStore().Apply(&raft.Log{Data: b}) != nil
		if more := in.Len() > 0; refused != more {
			t.Errorf("%x: refused %v, with more behind the command %v", b, refused, more)
		}
	})
}

func snapshotOf(t *testing.T, s *store) []byte {
	t.Helper()
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	var out sink
	require.NoError(t, snapshot.Persist(&out))
	require.True(t, out.closed)
	return out.Bytes()
}

type sink struct {
	bytes.Buffer
	broken            error
	closed, cancelled bool
}

func (s *sink) Write(b []byte) (int, error) {
	if s.broken != nil {
		return 0, s.broken
	}
	return s.Buffer.Write(b)
}

func (s *sink) ID() string    { return "test" }
func (s *sink) Cancel() error { s.cancelled = true; return nil }
func (s *sink) Close() error  { s.closed = true; return nil }
