// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// contact is what raft lets be heard of its followers: a heartbeat that failed, one that
// came through again. There is no word of those that go on coming through, so whoever
// is not known to be silent answers; a black hole shows when the transport's timeout is over.
type contact struct {
	wake func() // never blocks

	mu      sync.Mutex
	led     bool // since Run
	gained  time.Time
	dropped map[raft.ServerID]time.Time // when raft ceased to replicate to it, in this leadership
	silence map[raft.ServerID]silence
	closed  chan struct{} // closed when raft is shut down
}

// silence is that of a server whose heartbeats fail.
type silence struct {
	last time.Time // when it was last heard
	word time.Time // when raft last said so
}

// hearsay is how long raft's word of a silence holds. raft repeats it after each
// heartbeat that fails, which takes a call's timeout and half a heartbeat's.
const hearsay = time.Minute

func newContact(wake func()) *contact {
	return &contact{
		wake: wake, closed: make(chan struct{}),
		dropped: map[raft.ServerID]time.Time{}, silence: map[raft.ServerID]silence{},
	}
}

// observe is called by raft synchronously, under its observers' lock. It must not
// block, panic or enter raft. It wants no observation to be sent.
func (c *contact) observe(o *raft.Observation) bool {
	switch d := o.Data.(type) {
	case raft.RaftState:
		c.turned(d)
	case raft.LeaderObservation:
		c.wake()
	case raft.FailedHeartbeatObservation:
		c.failed(d.PeerID, d.LastContact)
	case raft.ResumedHeartbeatObservation:
		c.answered(d.PeerID)
	case raft.PeerObservation:
		c.replicates(d.Peer.ID, !d.Removed)
	}
	return false
}

func (c *contact) turned(to raft.RaftState) {
	c.mu.Lock()
	clear(c.dropped) // of another leadership
	clear(c.silence)
	switch {
	case to == raft.Leader:
		c.led, c.gained = true, time.Now()
	case to == raft.Shutdown && !isClosed(c.closed):
		close(c.closed)
	}
	c.mu.Unlock()
	c.wake()
}

// failed takes in a heartbeat that was not answered. raft starts the clock of a
// follower when it begins to replicate to it (raft.go, startStopReplication). What was
// last heard before that is a late word from a former leadership: its goroutine may
// outlive it by a whole call, and no word that the server is back would ever follow.
func (c *contact) failed(id raft.ServerID, last time.Time) {
	c.mu.Lock()
	_, known := c.silence[id]
	late := last.Before(c.gained) || last.Before(c.dropped[id])
	if !late {
		c.silence[id] = silence{last: last, word: time.Now()}
	}
	c.mu.Unlock()
	if !late && !known {
		c.wake()
	}
}

func (c *contact) answered(id raft.ServerID) {
	c.mu.Lock()
	delete(c.silence, id)
	c.mu.Unlock()
	c.wake()
}

// replicates takes in that raft begins to replicate to a server, or ends it.
func (c *contact) replicates(id raft.ServerID, begins bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.silence, id)
	if !begins { // its own clock began before we hear of the beginning
		c.dropped[id] = time.Now()
	}
}

// seed starts from the state that raft is in when it has just been told of observe.
func (c *contact) seed(state raft.RaftState) {
	c.mu.Lock()
	told := c.led || isClosed(c.closed)
	c.mu.Unlock()
	if !told && (state == raft.Leader || state == raft.Shutdown) {
		c.turned(state)
	}
}

// leading is for how long the newest leadership has lasted; 0 if none has begun since Run.
func (c *contact) leading(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.led {
		return 0
	}
	return now.Sub(c.gained)
}

// silent says for how long which servers have been silent.
func (c *contact) silent(now time.Time) map[raft.ServerID]time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	silent := make(map[raft.ServerID]time.Duration, len(c.silence))
	for id, s := range c.silence {
		if now.Sub(s.word) <= hearsay {
			silent[id] = max(now.Sub(s.last), 1)
		}
	}
	return silent
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
