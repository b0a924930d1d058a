// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import "github.com/hashicorp/raft"

// SetHeartbeatHandler is called once by raft, in NewRaft (api.go).
func (t *transport) SetHeartbeatHandler(handler func(raft.RPC)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heartbeat = handler
}

// fastPath is raft's heartbeat handler if the call is to bypass the main loop,
// nil otherwise. The handler runs raft.processHeartbeat on the transport's
// goroutine: that is what keeps a follower content while its main loop is dead,
// and what lets the term change under a leader's feet (hashicorp/raft#695).
// InmemTransport has no fast path, so raft's own tests see neither.
func (t *transport) fastPath(rpc raft.RPC) func(raft.RPC) {
	if !t.net.fastPath || !isHeartbeat(rpc.Command) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heartbeat
}

// isHeartbeat is the rule of NetworkTransport.handleCommand (net_transport.go).
func isHeartbeat(command any) bool {
	req, ok := command.(*raft.AppendEntriesRequest)
	if !ok {
		return false
	}
	leader := req.RPCHeader.Addr
	if len(leader) == 0 {
		leader = req.Leader //nolint:staticcheck // deprecated, and still part of the rule
	}
	return req.Term != 0 && leader != nil &&
		req.PrevLogEntry == 0 && req.PrevLogTerm == 0 &&
		len(req.Entries) == 0 && req.LeaderCommitIndex == 0
}
