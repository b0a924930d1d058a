// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"strconv"
	"sync"

	"github.com/hashicorp/raft"
)

// Local is this server, as others may ask for it. It answers from NewLocal on, before
// raft exists: blank servers that wait for each other must be able to ask. It is an
// http.Handler. Its methods may be called from any goroutine and never enter raft's main
// loop.
type Local struct {
	mu    sync.Mutex
	reply Reply // what no raft knows
	raft  *raft.Raft
	logs  raft.LogStore // nil until Boot

	offer     Offer // what a blank server has told others, and cannot take back
	recovered bool  // a recovered list may be in no log yet
}

// NewLocal describes this server: its id, and the address that others dial for raft. The
// cluster ID may be empty.
func NewLocal(id raft.ServerID, address raft.ServerAddress, clusterID string) *Local {
	return &Local{reply: Reply{ID: id, Address: address, ClusterID: clusterID}}
}

// Reply is what this server says of itself now. It holds no lock while it reads the log:
// a disk that hangs must not keep a server from saying that it leaves.
func (l *Local) Reply() Reply {
	l.mu.Lock()
	r, running, logs := l.reply, l.raft, l.logs
	l.mu.Unlock()
	if running == nil {
		return r
	}
	stats := running.Stats()
	r.Running = true
	r.Term, r.LastIndex = running.CurrentTerm(), running.LastIndex()
	r.LastTerm, _ = strconv.ParseUint(stats["last_log_term"], 10, 64) // 0, not known, if raft changed that text
	r.HasState = r.HasState || r.Term > 0 || r.LastIndex > 0
	r.Leading = running.State() == raft.Leader
	_, r.Leader = running.LeaderWithID()
	r.CommitIndex = running.CommitIndex() // before the list is read, so that it vouches for no later one
	servers := running.GetConfiguration().Configuration().Servers
	if DigestOf(servers) != DigestOf(r.Servers) {
		r.ConfigIndex = findIndex(logs, servers)
		l.update(func(kept *Reply) { kept.Servers, kept.ConfigIndex = servers, r.ConfigIndex })
	}
	r.Servers = servers
	return r
}

// attach makes the replies those of a running server.
func (l *Local) attach(r *raft.Raft) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raft = r
}

// update changes what no raft knows. f must not call l.
func (l *Local) update(f func(*Reply)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.reply)
}

// maxConfigScan is how many entries a reply reads to find the index of a new
// configuration. Beyond it the index is not known, which claims nothing.
const maxConfigScan = 1024

// findIndex looks for the newest entry of the log that holds servers; 0: not found. raft
// tells the index of a configuration to nobody: GetConfiguration().Index() is 0 on a
// running server (future.go, latestIndex is never set).
func findIndex(logs raft.LogStore, servers []raft.Server) uint64 {
	if logs == nil {
		return 0
	}
	last, err := logs.LastIndex()
	if err != nil {
		return 0
	}
	for i, n := last, 0; i > 0 && n < maxConfigScan; i, n = i-1, n+1 {
		var entry raft.Log
		if logs.GetLog(i, &entry) != nil {
			return 0
		}
		if entry.Type == raft.LogConfiguration {
			if conf, err := decodeConfiguration(entry.Data); err == nil && DigestOf(conf.Servers) == DigestOf(servers) {
				return i
			}
		}
	}
	return 0
}
