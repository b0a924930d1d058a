// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Chain sums up every command a state machine has applied, in order. Two
// servers with equal chains have applied the same commands at the same indexes
// in the same terms.
type Chain struct {
	Index    uint64 // of the last command; 0: none
	Commands uint64 // how many there were
	Sum      uint64 // the first 8 bytes of a SHA-256 chain
}

// link is the chain with one more command. sum is the hash of its data.
func (c Chain) link(index, term, sum uint64) Chain {
	var b [32]byte
	for i, v := range []uint64{c.Sum, index, term, sum} {
		binary.BigEndian.PutUint64(b[8*i:], v)
	}
	return Chain{Index: index, Commands: c.Commands + 1, Sum: hash(b[:])}
}

func hash(data []byte) uint64 {
	sum := sha256.Sum256(data)
	return binary.BigEndian.Uint64(sum[:8])
}

// FSM is a server's state machine and its faults. The faults outlive a crash
// and restart; the state does not. The methods never wait.
type FSM struct {
	apply   gate
	restore gate

	mu      sync.Mutex
	machine *machine // of the running or last incarnation
}

// Slow makes every Apply take d longer, from the next one on; 0 ends it.
func (f *FSM) Slow(d time.Duration) { f.apply.setDelay(d) }

// Hang makes every Apply from the next one on wait until Release, a crash,
// [Cluster.Heal] or [Cluster.Close]. raft then hangs too, once the 128 slots of
// its queue to the FSM are full (api.go, fsmMutateCh), and so does its Shutdown.
func (f *FSM) Hang() { f.apply.close() }

// Release ends Hang.
func (f *FSM) Release() { f.apply.open() }

// FailRestoreOnce makes the next Restore return err, or [ErrInjected] for nil:
// the one of a snapshot that the leader installs, or the one at a restart, which
// then tries the next older snapshot and fails if there is none.
func (f *FSM) FailRestoreOnce(err error) { f.restore.failOnce(err) }

// Heal ends all faults of the state machine.
func (f *FSM) Heal() {
	f.apply.heal()
	f.restore.heal()
}

// Chain is what the server has applied so far; while it is down, what it had
// applied.
func (f *FSM) Chain() Chain {
	f.mu.Lock()
	m := f.machine
	f.mu.Unlock()
	if m == nil {
		return Chain{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chain
}

// machine is the raft.FSM of one incarnation.
type machine struct {
	faults *FSM
	server raft.ServerID
	inner  raft.FSM // may be nil
	ledger *ledger
	quit   <-chan struct{} // closed by a crash: nothing counts any more

	mu    sync.Mutex
	chain Chain
}

func (m *machine) Apply(l *raft.Log) any {
	_ = m.faults.apply.pass(m.quit) // the gate of Apply never fails
	sum := hash(l.Data)
	m.mu.Lock()
	m.chain = m.chain.link(l.Index, l.Term, sum)
	chain := m.chain
	m.mu.Unlock()
	if !closed(m.quit) {
		m.ledger.applied(m.server, l.Term, sum, chain)
	}
	if m.inner == nil {
		return nil
	}
	return m.inner.Apply(l)
}

func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	s := &chainSnapshot{chain: m.chain}
	m.mu.Unlock()
	if m.inner == nil {
		return s, nil
	}
	inner, err := m.inner.Snapshot()
	s.inner = inner
	return s, err
}

func (m *machine) Restore(source io.ReadCloser) error {
	if err := m.faults.restore.pass(m.quit); err != nil {
		return err
	}
	var chain Chain
	if err := binary.Read(source, binary.BigEndian, &chain); err != nil {
		return fmt.Errorf("testcluster: restore the hash chain: %w", err)
	}
	m.mu.Lock()
	m.chain = chain
	m.mu.Unlock()
	m.ledger.restored(m.server, chain)
	if m.inner == nil {
		return source.Close()
	}
	return m.inner.Restore(source)
}

// chainSnapshot is the chain, then whatever the inner machine writes.
type chainSnapshot struct {
	chain Chain
	inner raft.FSMSnapshot
}

func (s *chainSnapshot) Persist(sink raft.SnapshotSink) error {
	if err := binary.Write(sink, binary.BigEndian, s.chain); err != nil {
		return fmt.Errorf("testcluster: write the hash chain: %w", err)
	}
	if s.inner == nil {
		return sink.Close()
	}
	return s.inner.Persist(sink)
}

func (s *chainSnapshot) Release() {
	if s.inner != nil {
		s.inner.Release()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
