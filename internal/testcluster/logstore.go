// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// LogFaults makes a server's log store misbehave. The settings outlive a crash
// and restart, as a bad disk does; a crash does not wait for a hang. The methods
// never wait.
type LogFaults struct{ gate gate }

// Slow makes every StoreLogs take d longer, from the next one on; 0 ends it.
func (f *LogFaults) Slow(d time.Duration) { f.gate.setDelay(d) }

// Hang makes every StoreLogs from the next one on wait until Release, a
// crash, [Cluster.Heal] or [Cluster.Close]. What hung is then stored, unless the
// server crashed. raft calls StoreLogs on its main goroutine, so a hang there
// is the death of the main loop behind live heartbeats.
func (f *LogFaults) Hang() { f.gate.close() }

// Release ends Hang.
func (f *LogFaults) Release() { f.gate.open() }

// FailOnce makes the next StoreLogs store nothing and return err, or
// [ErrInjected] for nil. A leader steps down on it (raft.go, dispatchLogs).
func (f *LogFaults) FailOnce(err error) { f.gate.failOnce(err) }

// Heal ends all faults of the log store.
func (f *LogFaults) Heal() { f.gate.heal() }

// logStore is the log of one incarnation: the faults in front, the disk behind,
// until a crash puts a scratch copy there.
type logStore struct {
	faults *LogFaults
	quit   <-chan struct{} // closed by a crash

	mu sync.RWMutex
	at raft.LogStore
}

func (s *logStore) store() (raft.LogStore, func()) {
	s.mu.RLock()
	return s.at, s.mu.RUnlock
}

func (s *logStore) FirstIndex() (uint64, error) {
	at, done := s.store()
	defer done()
	return at.FirstIndex()
}

func (s *logStore) LastIndex() (uint64, error) {
	at, done := s.store()
	defer done()
	return at.LastIndex()
}

func (s *logStore) GetLog(index uint64, log *raft.Log) error {
	at, done := s.store()
	defer done()
	return at.GetLog(index, log)
}

func (s *logStore) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if err := s.faults.gate.pass(s.quit); err != nil {
		return err
	}
	at, done := s.store()
	defer done()
	return at.StoreLogs(logs)
}

func (s *logStore) DeleteRange(from, to uint64) error {
	at, done := s.store()
	defer done()
	return at.DeleteRange(from, to)
}

// fence lets what the incarnation writes from now on vanish. It goes on with
// a copy of its own: if the writes were merely swallowed, raft would read an
// entry it believes to have written, not find it, and panic (raft.go,
// processLogs).
func (s *logStore) fence() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	scratch := raft.NewInmemStore()
	logs, err := readLogs(s.at)
	if err != nil {
		return err
	}
	s.at = scratch
	return scratch.StoreLogs(logs)
}

// readLogs reads a whole log store.
func readLogs(store raft.LogStore) ([]*raft.Log, error) {
	first, err := store.FirstIndex()
	if err != nil {
		return nil, fmt.Errorf("testcluster: first index: %w", err)
	}
	last, err := store.LastIndex()
	if err != nil {
		return nil, fmt.Errorf("testcluster: last index: %w", err)
	}
	if first == 0 || last < first {
		return nil, nil
	}
	logs := make([]*raft.Log, 0, last-first+1)
	for i := first; i <= last; i++ {
		log := new(raft.Log)
		if err := store.GetLog(i, log); err != nil {
			return nil, fmt.Errorf("testcluster: log %d of %d-%d: %w", i, first, last, err)
		}
		logs = append(logs, log)
	}
	return logs, nil
}
