// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Server is one server of a cluster. It goes on existing while it is down. Its
// methods may be called from any goroutine.
type Server struct {
	cluster *Cluster
	number  int
	id      raft.ServerID
	logs    LogFaults
	snaps   SnapshotFaults
	fsm     FSM

	// turn has one slot. Start, crash and wipe take turns by it and not by a
	// mutex, because each of them waits, and a mutex held across a wait stops a
	// bubble's clock for good.
	turn chan struct{}
	disk disk  // of whoever has the turn
	last *node // of whoever has the turn: the incarnation that went down, or nil

	mu     sync.Mutex
	node   *node                   // nil while down
	paused <-chan raft.RPCResponse // non-nil: receiving from it lets the main loop go on
}

// node is one incarnation of a server.
type node struct {
	raft   *raft.Raft
	port   port
	logs   *logStore
	stable *stableStore
	snaps  *snapshotStore

	over chan struct{} // closed when a crash or Close begins: nothing it does counts
	gone chan struct{} // closed when it has stopped and its files are closed
}

func newServer(c *Cluster, number int, id raft.ServerID) *Server {
	s := &Server{cluster: c, number: number, id: id, turn: make(chan struct{}, 1)}
	if c.cfg.Dir != "" {
		s.disk.dir = filepath.Join(c.cfg.Dir, string(id))
	}
	note := func(begin bool, text string) { c.note(begin, id, text) }
	s.logs.gate = gate{counts: &c.counts, note: note, slow: SlowLog, hang: HangLog, fail: FailLog}
	s.snaps.gate = gate{counts: &c.counts, note: note, fail: FailSnapshot}
	s.fsm.apply = gate{counts: &c.counts, note: note, slow: SlowFSM, hang: HangFSM}
	s.fsm.restore = gate{counts: &c.counts, note: note, fail: FailRestore}
	return s
}

// ID is the server's id, n1 to n9.
func (s *Server) ID() raft.ServerID { return s.id }

// Address is where the others reach it now ([Network.Move]). It is not the id.
func (s *Server) Address() raft.ServerAddress { return s.cluster.network.address(s.number) }

// Raft is the running instance, or nil while the server is down. A restart
// makes a new one.
func (s *Server) Raft() *raft.Raft {
	if n := s.current(); n != nil {
		return n.raft
	}
	return nil
}

// Transport is what the running instance sends with, nil while the server is down.
func (s *Server) Transport() raft.Transport {
	if n := s.current(); n != nil {
		return n.port
	}
	return nil
}

// LogStore is what the running instance keeps its log in, nil while the server is down.
// Read it, and no more.
func (s *Server) LogStore() raft.LogStore {
	if n := s.current(); n != nil {
		return n.logs
	}
	return nil
}

// Logs gives the faults of the log store.
func (s *Server) Logs() *LogFaults { return &s.logs }

// Snapshots gives the faults of the snapshot store.
func (s *Server) Snapshots() *SnapshotFaults { return &s.snaps }

// FSM gives the state machine and its faults.
func (s *Server) FSM() *FSM { return &s.fsm }

func (s *Server) current() *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node
}

func (s *Server) running() (*node, error) {
	if n := s.current(); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%w: %s; Restart it first", ErrDown, s.id)
}

// take waits for the turn.
func (s *Server) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("testcluster: %s is being started or stopped by someone else: %w", s.id, ctx.Err())
	}
}

func (s *Server) give() { <-s.turn }

// firstStart boots the server on a blank disk, or on what Config.Dir holds.
func (s *Server) firstStart(first *raft.Configuration) error {
	s.turn <- struct{}{} // nobody else knows the server yet
	defer s.give()
	return s.start(first)
}

// start boots an incarnation from the disk. The caller has the turn.
func (s *Server) start(first *raft.Configuration) error {
	c := s.cluster
	conf := c.cfg.raftConfig(s.id)
	if err := s.disk.open(conf); err != nil {
		return err
	}
	n := &node{over: make(chan struct{}), gone: make(chan struct{})}
	n.logs = &logStore{faults: &s.logs, quit: n.over, at: s.disk.logs}
	n.stable = &stableStore{at: s.disk.stable}
	n.snaps = &snapshotStore{faults: &s.snaps, quit: n.over, at: s.disk.snaps}
	n.port = c.network.newPort(s.number)
	if err := s.boot(n, conf, first); err != nil {
		n.port.detach()
		n.port.wait()
		return fmt.Errorf("testcluster: start %s: %w", s.id, errors.Join(err, s.disk.close()))
	}
	s.mu.Lock()
	s.node, s.paused = n, nil
	s.mu.Unlock()
	s.last = nil
	c.network.attach(s.number, n.port)
	c.elections.watch(s, n)
	if c.cfg.Started != nil {
		c.cfg.Started(s)
	}
	return nil
}

func (s *Server) boot(n *node, conf *raft.Config, first *raft.Configuration) error {
	if first != nil {
		err := raft.BootstrapCluster(conf, n.logs, n.stable, n.snaps, n.port, *first)
		if err != nil && !errors.Is(err, raft.ErrCantBootstrap) { // Dir may hold an older run: resume it
			return fmt.Errorf("bootstrap: %w", err)
		}
	}
	m := &machine{faults: &s.fsm, server: s.id, ledger: &s.cluster.ledger, quit: n.over}
	if s.cluster.cfg.FSM != nil {
		m.inner = s.cluster.cfg.FSM(s.id)
	}
	s.fsm.mu.Lock()
	s.fsm.machine = m
	s.fsm.mu.Unlock()
	r, err := raft.NewRaft(conf, m, n.logs, n.stable, n.snaps, n.port)
	n.raft = r
	return err
}

func (s *Server) record(kind timeline.Kind, term uint64, text string) {
	s.cluster.recorder.Record(timeline.Event{Server: string(s.id), Kind: kind, Term: term, Text: text})
}
