// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import "github.com/hashicorp/raft"

// disks are the logs of the servers that run; nil for one that is down.
func (c *Cluster) disks() []*logStore {
	logs := make([]*logStore, len(c.servers))
	for i, s := range c.servers {
		if n := s.current(); n != nil {
			logs[i] = n.logs
		}
	}
	return logs
}

// stored checks that every acknowledged write is on the disks of a majority.
// It asks nobody and needs no leader: where a leader's log was cut below what
// it has committed, raft never commits again and nothing else would tell.
// A server that is down has the benefit of the doubt.
func (l *ledger) stored(disks []*logStore, voters int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if !e.acked {
			continue
		}
		holds := 0
		for _, d := range disks {
			if d == nil || e.isIn(d) {
				holds++
			}
		}
		if holds <= voters/2 {
			l.violate("the acknowledged write at index %d, term %d, is on %d disks of %d voters", e.chain.Index, e.term, holds, voters)
		}
	}
}

// isIn reports whether a log has the entry, or is compacted beyond it.
func (e entry) isIn(log *logStore) bool {
	first, last := bounds(log)
	if first > e.chain.Index || last == 0 {
		return true
	}
	var stored raft.Log
	return log.GetLog(e.chain.Index, &stored) == nil && stored.Type == raft.LogCommand &&
		stored.Term == e.term && hash(stored.Data) == e.sum
}
