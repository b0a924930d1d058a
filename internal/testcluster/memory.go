// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"
)

// memorySnapshots keeps the two newest finished snapshots. raft's own
// InmemSnapshotStore shows a snapshot from its Create on, and goes on showing it
// after Cancel: a failed sink would leave an empty snapshot to boot from.
type memorySnapshots struct {
	mu   sync.Mutex
	made int
	kept []*memorySnapshot // newest first
}

type memorySnapshot struct {
	meta raft.SnapshotMeta
	data []byte
}

const keptSnapshots = 2

func (m *memorySnapshots) Create(version raft.SnapshotVersion, index, term uint64, conf raft.Configuration, confIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	return &memorySink{store: m, meta: raft.SnapshotMeta{
		Version: version, Index: index, Term: term, Configuration: conf, ConfigurationIndex: confIndex,
		ID: fmt.Sprintf("%d-%d-%d", term, index, m.made),
	}}, nil
}

func (m *memorySnapshots) List() ([]*raft.SnapshotMeta, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	metas := make([]*raft.SnapshotMeta, len(m.kept))
	for i, s := range m.kept {
		meta := s.meta
		metas[i] = &meta
	}
	return metas, nil
}

func (m *memorySnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.kept {
		if s.meta.ID == id {
			meta := s.meta
			return &meta, io.NopCloser(bytes.NewReader(s.data)), nil
		}
	}
	return nil, nil, fmt.Errorf("testcluster: no snapshot %q", id)
}

func (m *memorySnapshots) keep(s *memorySnapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = append([]*memorySnapshot{s}, m.kept...)
	m.kept = m.kept[:min(len(m.kept), keptSnapshots)]
}

// memorySink is used by one goroutine, as raft.SnapshotSink is.
type memorySink struct {
	store *memorySnapshots
	meta  raft.SnapshotMeta
	data  bytes.Buffer
	done  bool
}

var errSinkDone = errors.New("testcluster: snapshot sink is closed")

func (s *memorySink) ID() string { return s.meta.ID }

func (s *memorySink) Write(p []byte) (int, error) {
	if s.done {
		return 0, errSinkDone
	}
	return s.data.Write(p)
}

// Close publishes the snapshot. FSMs close the sink and raft closes it again
// (snapshot.go, takeSnapshot), so the second call is no error.
func (s *memorySink) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	s.meta.Size = int64(s.data.Len())
	s.store.keep(&memorySnapshot{meta: s.meta, data: s.data.Bytes()})
	return nil
}

func (s *memorySink) Cancel() error {
	s.done = true
	return nil
}
