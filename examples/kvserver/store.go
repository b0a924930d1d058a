// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/leadership"
)

const (
	maxKey   = 1 << 10 // bytes
	maxValue = 64 << 10
	head     = 1 + 16 + 2 + 4 // of a command: op, token, lengths of key and value
)

var (
	errCommand = errors.New("not a command, or not here")
	errFenced  = errors.New("fenced: a newer session has written since")
)

// op says what a command does. Its numbers are in the log: never reuse one.
type op byte

const (
	claim  op = iota + 1 // nothing but bring the token of a new session
	put                  // set key to value
	remove               // remove key, which need not be there
)

// command is an entry of raft's log, and of a snapshot.
type command struct {
	op    op
	token leadership.Token // of the session that wrote it
	key   string
	value []byte
}

func (c command) encode() []byte {
	b, _ := c.token.AppendBinary([]byte{byte(c.op)}) // it never fails
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.key)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.value)))
	return append(append(b, c.key...), c.value...)
}

// readCommand takes what encode makes of a valid command, and nothing else.
func readCommand(in io.Reader) (command, error) {
	var fixed [head]byte
	if _, err := io.ReadFull(in, fixed[:]); err != nil {
		return command{}, err
	}
	c := command{op: op(fixed[0])}
	err := c.token.UnmarshalBinary(fixed[1:17])
	key, value := binary.BigEndian.Uint16(fixed[17:]), binary.BigEndian.Uint32(fixed[19:])
	switch {
	case err == nil && c.op == claim && key == 0 && value == 0:
	case err == nil && c.op == put && 0 < key && key <= maxKey && value <= maxValue:
	case err == nil && c.op == remove && 0 < key && key <= maxKey && value == 0:
	default:
		return c, errCommand
	}
	b := make([]byte, uint32(key)+value)
	_, err = io.ReadFull(in, b)
	c.key, c.value = string(b[:key]), b[key:]
	return c, err
}

// store is the replicated state, raft's FSM: it does the commands of the log
// one by one and depends on nothing else, so that all servers hold the same.
type store struct {
	mu sync.RWMutex
	state
}

type state struct {
	token  leadership.Token // the newest seen
	values map[string][]byte
}

func newStore() *store { return &store{state: state{values: map[string][]byte{}}} }

func (s *store) get(key string) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, ok := s.values[key] // replaced, but never written to
	return value, ok
}

// Apply does a command and returns nil, or returns the error why it did not.
//
// A server that lost leadership and won it again may commit what somebody left
// over from the first time hands it now: raft cannot tell. The token can.
func (s *store) Apply(l *raft.Log) any {
	in := bytes.NewReader(l.Data)
	c, err := readCommand(in)
	if err != nil || in.Len() > 0 {
		return errors.Join(errCommand, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.token.Compare(s.token) < 0 {
		return errFenced
	}
	s.token = c.token
	switch c.op {
	case put:
		s.values[c.key] = c.value
	case remove:
		delete(s.values, c.key)
	}
	return nil
}

// Snapshot copies the map and not the values: Apply waits for it.
func (s *store) Snapshot() (raft.FSMSnapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return state{s.token, maps.Clone(s.values)}, nil
}

// Persist writes a snapshot: the shortest log that leads to the state. It has
// a put for each key, in order and without a token, and ends with a claim.
func (s state) Persist(sink raft.SnapshotSink) error {
	out := bufio.NewWriter(sink) // keeps its first error for Flush
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		_, _ = out.Write(command{op: put, key: key, value: s.values[key]}.encode())
	}
	_, _ = out.Write(command{op: claim, token: s.token}.encode())
	if err := out.Flush(); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release has nothing to release.
func (state) Release() {}

// Restore replaces the state, or leaves it alone if r does not hold a good one.
func (s *store) Restore(r io.ReadCloser) error {
	read, err := readState(bufio.NewReader(r))
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = read
	return nil
}

// readState takes what Persist writes, and nothing else.
func readState(in *bufio.Reader) (state, error) {
	s, last := newStore().state, ""
	c, err := readCommand(in)
	for ; err == nil && c.op == put && c.token.IsZero() && c.key > last; c, err = readCommand(in) {
		s.values[c.key], last = c.value, c.key
	}
	if err != nil {
		return s, err
	}
	s.token = c.token
	if _, err := in.ReadByte(); c.op != claim || err != io.EOF {
		return s, errors.Join(errCommand, err)
	}
	return s, nil
}
