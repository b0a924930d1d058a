// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

const (
	glance = 100 * time.Millisecond // between two looks at the list, for one who waits to be out of it
	regard = time.Second            // between two judgements of a leave that is under way
)

// Leave has a server removed for good, and returns when it is out of the list: then it may
// stop. Whoever only stops or restarts must not call it. Any server may ask for
// itself, and the leader for any other. Run must be running here, and where the leader is.
//
// The verdict says what to do. MayLeave with a nil error: it is out. StopOnly and MustStay:
// the others need its entry in the list, or it; nothing was changed. It is judged again
// while it waits, because others may want to leave, too: if all stop at once, no list
// gets shorter than Policy.MinVoters.
//
// This server says that it leaves in the answers of its Local, while Leave waits and after
// it has been removed, so that nobody adds it again before it has stopped. The leader
// takes that as an explicit leave. A leader hands leadership over first, and whoever
// leads next removes it. When ctx ends the wish is withdrawn and the error wraps its cause;
// the server may be removed all the same, by a leader that has heard of it. Another
// server that was removed is added again if discovery still shows it alive.
func (r *Reconciler) Leave(ctx context.Context, id raft.ServerID) (LeaveVerdict, error) {
	switch {
	case ctx == nil:
		return LeaveVerdict{}, errors.New("peers: Leave: the context is nil")
	case id == "":
		return LeaveVerdict{}, errors.New("peers: Leave: the id is empty")
	case r.conf.DryRun:
		return LeaveVerdict{}, errors.New("peers: Leave: Config.DryRun is set, so nothing is changed")
	case !r.running.Load():
		return LeaveVerdict{}, errors.New("peers: Leave: Run is not running; without it nobody would be asked to lead instead")
	case id != r.self && r.raft.State() != raft.Leader:
		return LeaveVerdict{}, fmt.Errorf("peers: Leave: only the leader can have another server removed: %w", r.notLeader())
	}
	verdict, _, err := r.mayLeave(ctx, id)
	if err != nil || verdict.Action != MayLeave {
		return verdict, err
	}
	r.wish(id, 1)
	verdict, err = r.awaitRemoval(ctx, id, verdict)
	if out := err == nil && verdict.Action == MayLeave; !out || id != r.self {
		r.wish(id, -1)
	}
	return verdict, err
}

// awaitRemoval waits until a server is out of the list, or may no longer leave it.
func (r *Reconciler) awaitRemoval(ctx context.Context, id raft.ServerID, verdict LeaveVerdict) (LeaveVerdict, error) {
	glances, regards := time.NewTicker(glance), time.NewTicker(regard)
	defer glances.Stop()
	defer regards.Stop()
	for {
		if removed(id, r.local.Reply()) {
			return verdict, nil
		}
		select {
		case <-glances.C:
		case <-regards.C:
			now, out, err := r.mayLeave(ctx, id)
			switch {
			case out:
				return verdict, nil
			case err != nil:
				r.log.Warn("could not judge a leave again", "server", id, "error", err)
			case now.Action != MayLeave && !removed(id, r.local.Reply()):
				return now, nil
			}
			r.wake()
		case <-ctx.Done():
			return verdict, fmt.Errorf("peers: Leave: %q is still in the list: %w", string(id), context.Cause(ctx))
		}
	}
}

// mayLeave judges a leave by what this server sees now. out: the leader says that it is
// removed. Raft tells a removed server so only with luck: its entry may be the
// first that the leader no longer sends (raft.go, startStopReplication).
func (r *Reconciler) mayLeave(ctx context.Context, id raft.ServerID) (verdict LeaveVerdict, out bool, err error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return LeaveVerdict{}, false, fmt.Errorf("peers: somebody else is looking: %w", context.Cause(ctx))
	}
	s, err := r.gather(ctx, 0)
	if err != nil {
		return LeaveVerdict{}, false, err
	}
	for _, reply := range s.Replies {
		out = out || reply.Leading && reply.Term >= r.raft.CurrentTerm() && removed(id, reply)
	}
	if at := slices.IndexFunc(s.Servers, func(m raft.Server) bool { return m.ID == id }); id == r.self && at >= 0 && s.Servers[at].Suffrage != raft.Voter {
		return LeaveVerdict{Action: MayLeave, Code: CodeLeaving, Why: "it has no vote"}, out, nil
	}
	return r.judge(s, id), out, nil
}

// removed reports whether a reply has a list without a server, and has it committed: what
// is only appended may be undone by another leader, and whoever trusted it and blanked
// its disk would then be a voter that has forgotten its votes.
func removed(id raft.ServerID, r Reply) bool {
	return r.ConfigIndex > 0 && r.CommitIndex >= r.ConfigIndex && len(r.Servers) > 0 &&
		!slices.ContainsFunc(r.Servers, func(s raft.Server) bool { return s.ID == id })
}

// wish notes or withdraws that a server wants to leave, and tells whoever asks.
func (r *Reconciler) wish(id raft.ServerID, by int) {
	r.mu.Lock()
	if r.leaving[id] += by; r.leaving[id] == 0 {
		delete(r.leaving, id)
	}
	leaves := r.leaving[r.self] > 0
	r.mu.Unlock()
	r.local.update(func(reply *Reply) { reply.Leaving = leaves })
	r.wake()
}
