// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// SnapshotFaults makes a server's snapshot store misbehave. The methods never
// wait.
type SnapshotFaults struct{ gate gate }

// FailOnce makes the next snapshot sink that is written to return err, or
// [ErrInjected] for nil: one the server takes itself, or one that a leader
// installs on it.
func (f *SnapshotFaults) FailOnce(err error) { f.gate.failOnce(err) }

// Heal takes back a FailOnce that has not happened.
func (f *SnapshotFaults) Heal() { f.gate.heal() }

// snapshotStore is the snapshot store of one incarnation.
type snapshotStore struct {
	faults *SnapshotFaults
	quit   <-chan struct{}
	at     raft.SnapshotStore
	fenced atomic.Bool
}

func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) { return s.at.List() }

func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	return s.at.Open(id)
}

var errFenced = errors.New("testcluster: this incarnation has crashed")

func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, conf raft.Configuration, confIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	if s.fenced.Load() {
		return nil, errFenced
	}
	sink, err := s.at.Create(version, index, term, conf, confIndex, trans)
	if err != nil {
		return nil, err
	}
	return &snapshotSink{SnapshotSink: sink, store: s}, nil
}

// snapshotSink fails on request, and never publishes after a crash.
type snapshotSink struct {
	raft.SnapshotSink
	store *snapshotStore
}

func (s *snapshotSink) Write(p []byte) (int, error) {
	if err := s.store.faults.gate.pass(s.store.quit); err != nil {
		return 0, err
	}
	return s.SnapshotSink.Write(p)
}

func (s *snapshotSink) Close() error {
	if s.store.fenced.Load() {
		return errors.Join(errFenced, s.Cancel())
	}
	return s.SnapshotSink.Close()
}
