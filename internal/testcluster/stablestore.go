// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"sync"

	"github.com/hashicorp/raft"
)

// stableStore is the stable store of one incarnation. It has no faults of its
// own: raft panics when it cannot save its term (raft.go, setCurrentTerm), which
// in one process would be the end of all servers.
type stableStore struct {
	mu sync.RWMutex
	at raft.StableStore
}

func (s *stableStore) store() (raft.StableStore, func()) {
	s.mu.RLock()
	return s.at, s.mu.RUnlock
}

func (s *stableStore) Set(key, value []byte) error {
	at, done := s.store()
	defer done()
	return at.Set(key, value)
}

func (s *stableStore) Get(key []byte) ([]byte, error) {
	at, done := s.store()
	defer done()
	return at.Get(key)
}

func (s *stableStore) SetUint64(key []byte, value uint64) error {
	at, done := s.store()
	defer done()
	return at.SetUint64(key, value)
}

func (s *stableStore) GetUint64(key []byte) (uint64, error) {
	at, done := s.store()
	defer done()
	return at.GetUint64(key)
}

// The keys raft keeps (raft.go). A stable store cannot be listed.
var (
	keyTerm     = []byte("CurrentTerm")
	keyVoteTerm = []byte("LastVoteTerm")
	keyVotedFor = []byte("LastVoteCand")
)

// fence is logStore.fence for the stable store.
func (s *stableStore) fence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	scratch := raft.NewInmemStore()
	for _, key := range [][]byte{keyTerm, keyVoteTerm} {
		if n, err := s.at.GetUint64(key); err == nil { // else: never written
			_ = scratch.SetUint64(key, n) // cannot fail in memory
		}
	}
	if v, err := s.at.Get(keyVotedFor); err == nil {
		_ = scratch.Set(keyVotedFor, v)
	}
	s.at = scratch
}
