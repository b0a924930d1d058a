// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"encoding/json"
	"errors"
	"time"
)

// Status is what a Runner is doing at one instant. Its zero value is that of a
// Runner that has not seen anything yet.
type Status struct {
	Phase Phase
	Since time.Time // when the phase was entered; zero before Run
	// Leader says whether raft leads: this server's belief, and newer than Phase.
	Leader  bool
	Epoch   uint64 // of the present or last leadership; 0: none yet
	Attempt int    // the number of the present attempt within it; 0: none
	Token   Token  // of the session; zero before the catch-up has ended
	// Failures is how many attempts in a row have failed, on this server.
	Failures int
	// Err is the last failure: of an attempt, a Reconcile or a Revoke. It is
	// kept until a session serves.
	Err error
	// Stuck is what does not return now; nil: nothing. A Revoke is owed if it is
	// an establish or a reconcile.
	Stuck *StuckError
	// Finding is what the watchdog finds now; nil: nothing.
	Finding error
	// Outstanding is how many futures raft has not answered although nobody waits
	// for them any more; each holds a goroutine.
	Outstanding int
	// EventsDropped counts what Events were too slow to be told.
	EventsDropped uint64
}

// MarshalJSON writes errors as text and leaves out what is not there.
func (s Status) MarshalJSON() ([]byte, error) {
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	var stuck string
	if s.Stuck != nil {
		stuck = s.Stuck.Error()
	}
	return json.Marshal(struct {
		Health        Health    `json:"health"`
		Phase         Phase     `json:"phase"`
		Since         time.Time `json:"since"`
		Leader        bool      `json:"leader"`
		Epoch         uint64    `json:"epoch"`
		Attempt       int       `json:"attempt,omitzero"`
		Token         Token     `json:"token,omitzero"`
		Failures      int       `json:"failures,omitzero"`
		Err           string    `json:"error,omitzero"`
		Stuck         string    `json:"stuck,omitzero"`
		Finding       string    `json:"finding,omitzero"`
		Outstanding   int       `json:"outstanding,omitzero"`
		EventsDropped uint64    `json:"events_dropped,omitzero"`
	}{
		s.Health(), s.Phase, s.Since, s.Leader, s.Epoch, s.Attempt, s.Token, s.Failures,
		text(s.Err), stuck, text(s.Finding), s.Outstanding, s.EventsDropped,
	})
}

// Health sums up s for a health endpoint.
func (s Status) Health() Health {
	switch {
	case s.Stuck != nil || s.Leader && s.Finding != nil:
		return Stuck
	case !s.Leader:
		return Follower
	case s.Phase == Serving:
		return Ready
	default:
		return NotReady
	}
}

// Status never enters raft: it answers while raft is wedged.
func (r *Runner) Status() Status {
	s := *r.status.Load()
	r.mu.Lock()
	s.Stuck = r.stuck
	r.mu.Unlock()
	s.Leader = r.notifier.State().Leader
	if s.Leader && !r.stopped.Load() { // what is known of a leadership is of no interest after it, and nobody looks after Run
		s.Finding = r.found.all()
	}
	s.EventsDropped = r.story.lost()
	for _, c := range r.calls() {
		s.Outstanding += c.Outstanding()
	}
	if s.Phase == Serving && r.Session() == nil { // it has just ended
		s.Phase = Draining
	}
	return s
}

// Check returns what keeps this server from leading although it could or should:
// a *StuckError, whether it leads or not, and while it leads what the watchdog
// finds. nil: nothing. Like Status it never enters raft. It is meant for a liveness
// probe: what it returns is seldom cured by waiting.
func (r *Runner) Check() error {
	s := r.Status()
	if s.Stuck != nil {
		return errors.Join(s.Stuck, s.Finding)
	}
	return s.Finding
}

// publish makes the machine's present state the Status, and tells of a new phase.
// cause is why it was entered, if that is known.
func (l *loop) publish(cause error) {
	m := l.machine
	phase := m.phase()
	old := l.status.Load()
	s := Status{Phase: phase, Since: l.entered, Epoch: m.lead.Epoch, Failures: m.failures, Err: old.Err}
	if m.cur.live {
		s.Epoch, s.Attempt, s.Token = m.cur.epoch, m.cur.number, m.cur.token
	}
	if phase == Serving {
		s.Failures = 0
	}
	if phase == l.phase && old.Epoch == s.Epoch && old.Attempt == s.Attempt && !old.Since.IsZero() {
		l.status.Store(&s) // unasked whether it differs: errors of the program need not be comparable
		return
	}
	if phase == Serving {
		s.Err = nil
	}
	now := time.Now()
	e := Event{
		At: now, Phase: phase, Took: now.Sub(l.entered),
		Epoch: s.Epoch, Attempt: s.Attempt, Token: s.Token, Err: cause,
	}
	l.phase, l.entered, s.Since = phase, now, now
	l.status.Store(&s)
	if phase != Quarantined {
		l.mu.Lock()
		l.stuck = nil
		l.mu.Unlock()
	}
	l.record(e)
	l.news.notify()
}
