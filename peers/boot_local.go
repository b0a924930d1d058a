// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import "github.com/hashicorp/raft"

// server is this server as a list would hold it.
func (l *Local) server() raft.Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	return raft.Server{ID: l.reply.ID, Address: l.reply.Address}
}

// promise makes o what others are told. It outlives a Boot: whoever was told may act on it.
func (l *Local) promise(o Offer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offer, l.reply.Candidates = o, o.told()
}

func (l *Local) promised() Offer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.offer
}

func (l *Local) hold(logs raft.LogStore, recovered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs, l.recovered = logs, recovered
}

// booted reports whether Boot has looked at the stores.
func (l *Local) booted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logs != nil
}

// wasRecovered reports whether this server went through a recovery whose list is in no
// log yet, so that others may still hold the old one. It is false for good once an entry
// of the log holds a list.
func (l *Local) wasRecovered() bool {
	l.mu.Lock()
	was, logs, servers := l.recovered, l.logs, l.reply.Servers
	l.mu.Unlock()
	if !was || findIndex(logs, servers) == 0 {
		return was
	}
	l.hold(logs, false)
	return false
}
