// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import "context"

// listenNaively is the loop of nomad#6977 before its fix, and of many others:
// it takes a value from NotifyCh and comes back for the next one when its work
// is done. If leadership is lost meanwhile, raft waits to say so, and takes no
// call while it waits; if then the work calls raft, both wait for ever.
func (p *program) listenNaively() {
	defer close(p.done)
	for leader := range p.notify {
		if leader {
			_ = p.establish(context.Background())
		} else {
			p.revoke()
		}
	}
}
