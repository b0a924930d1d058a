// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "fmt"

// Phase is what a Runner is doing. Its zero value is Following.
type Phase uint8

// The phases, in the order a healthy leadership goes through them.
const (
	// Following: this server does not lead, or has just handed leadership over.
	Following Phase = iota
	// Waiting: it leads, and the next attempt to establish is to come: after a
	// failure, or while the watchdog fences.
	Waiting
	// CatchingUp: the state machine applies what was committed before.
	CatchingUp
	// Establishing: Role.Establish runs.
	Establishing
	// Serving: Role.Establish has returned nil. Role.Reconcile may run.
	Serving
	// Draining: the session's context has ended; a callback or a goroutine of
	// Session.Go has still to return.
	Draining
	// Revoking: Role.Revoke runs.
	Revoking
	// HandingOver: everything is undone, and a transfer is under way.
	HandingOver
	// Quarantined: a callback or goroutine did not return in time. Nothing else
	// runs until it does, and leadership is declined.
	Quarantined
	// Closed: Run has returned, and nothing is owed.
	Closed

	phases // one more than the last
)

var phaseWords = [phases]string{
	"following", "waiting", "catching up", "establishing", "serving",
	"draining", "revoking", "handing over", "quarantined", "closed",
}

// String returns the phase in words.
func (p Phase) String() string {
	if p >= phases {
		return fmt.Sprintf("phase(%d)", uint8(p))
	}
	return phaseWords[p]
}

// MarshalText returns the phase in words.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Health is a Status in one of four words, for a health endpoint.
type Health uint8

// The four answers.
const (
	// Follower: another server leads, or none. Nothing is expected of this one.
	Follower Health = iota
	// NotReady: this server leads, and does not serve yet, or no longer.
	NotReady
	// Ready: this server leads and serves.
	Ready
	// Stuck: something does not return, or raft does not answer. See Check.
	Stuck

	healths
)

var healthWords = [healths]string{"follower", "leader not ready", "ready", "stuck"}

// String returns the answer in words.
func (h Health) String() string {
	if h >= healths {
		return fmt.Sprintf("health(%d)", uint8(h))
	}
	return healthWords[h]
}

// MarshalText returns the answer in words.
func (h Health) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
