// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"time"

	"github.com/raftkeel/raftkeel/leadership"
)

// listen does the same work with package leadership. It returns when raft has
// shut down.
func (p *program) listen() {
	defer close(p.done)
	w := p.notifier.Watch()
	var serving uint64 // the epoch we serve in; 0: none
	for {
		u, err := w.Next(context.Background())
		if serving != 0 && (err != nil || u.Epoch != serving || !u.Leader) {
			p.revoke()
			serving = 0
		}
		if err != nil {
			return
		}
		p.count(u)
		if !u.Leader || serving != 0 {
			continue
		}
		if err := leadership.Establish(context.Background(), time.Minute, p.establish); err != nil {
			p.revoke()
			continue
		}
		serving = u.Epoch
	}
}

func (p *program) count(u leadership.Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Gains += p.told.Gains
	u.Losses += p.told.Losses
	p.told = u
}
