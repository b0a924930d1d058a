// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"time"
)

// record keeps a change of phase, tells it, and logs it.
func (l *loop) record(e Event) {
	l.story.add(e)
	if tell := l.conf.Events.Phase; tell != nil {
		l.story.tell(func() { tell(e) })
	}
	args := []any{"epoch", e.Epoch, "attempt", e.Attempt, "after", e.Took}
	if !e.Token.IsZero() {
		args = append(args, "token", e.Token)
	}
	switch e.Phase {
	case Serving:
		l.log.Info("leading: the session serves", args...)
	case Draining:
		l.log.Info("the session ends", append(args, "cause", e.Err)...)
	default:
		l.log.Debug("phase: "+e.Phase.String(), args...)
	}
}

// note keeps something that happened within a phase.
func (r *Runner) note(text string, err error) {
	s := r.status.Load()
	r.story.add(Event{
		At: time.Now(), Phase: s.Phase, Epoch: s.Epoch, Attempt: s.Attempt, Token: s.Token,
		Note: text, Err: err,
	})
}

// flapped warns of leadership that moved faster than it could be used.
func (l *loop) flapped(u Update) {
	if !u.Flapped() {
		return
	}
	l.note("leadership flapped", u.Cause)
	l.log.Warn("leadership flapped: lost or regained before this server could act on it. Likely causes: a slow disk, "+
		"a slow or lossy network, memory paging, or too little CPU for the raft timeouts",
		"gained", u.Gains, "lost", u.Losses, "leader_now", u.Leader, "epoch", u.Epoch, "last_cause", u.Cause)
}

// tellFailure tells of an attempt (opNone), a Reconcile or a Revoke that failed.
func (l *loop) tellFailure(a act) {
	s := *l.status.Load()
	s.Err = a.err
	l.status.Store(&s)
	if a.op != opNone {
		l.note(a.op.String()+" failed", a.err)
		l.log.Warn(a.op.String()+" failed", "error", a.err)
		return
	}
	l.note("the attempt failed", a.err)
	l.log.Warn("this server leads and could not become ready", "error", a.err, "failures", l.machine.failures,
		"again_in", time.Until(l.machine.notBefore).Round(time.Millisecond), "elsewhere_first", a.leaves)
}

func (r *Runner) noteFinding(was, now error) {
	if now == nil {
		r.note("no longer found", was)
		r.log.Info("the watchdog no longer finds what it had found", "was", was)
		return
	}
	r.note("found", now)
	r.log.Error("this server leads and cannot", "finding", now, "fenced", r.conf.Watchdog.Fence)
}
