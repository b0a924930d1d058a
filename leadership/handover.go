// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// handOver asks raft for a transfer, on a goroutine of its own.
func (l *loop) handOver(to raft.ServerID) {
	epoch := l.machine.from
	go func() {
		err := l.transfer(to, epoch)
		if err != nil && !errors.Is(err, ErrNoTarget) { // a group of one voter has none, and that is no news
			l.note("the transfer failed", err)
			l.log.Warn("the transfer of leadership failed", "error", err)
		}
		l.mail.post(event{kind: evHanded, err: err})
	}()
}

// transfer makes one try. raft gives up after an election timeout by itself
// (raft.go, leadershipTransferCh); one that does not even do that hangs.
func (r *Runner) transfer(to raft.ServerID, epoch uint64) error {
	if r.transfers.Outstanding() > 0 {
		return fmt.Errorf("%w (raft has not answered the last one)", ErrTransferPending)
	}
	self, reached := r.notifier.reached()
	voters := r.raft.GetConfiguration().Configuration().Servers
	target, err := pick(voters, self, to, func(id raft.ServerID) bool {
		return reached(id) && !r.refusedIn(id, epoch)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*r.raft.ReloadableConfig().ElectionTimeout)
	defer cancel()
	r.log.Info("handing leadership over", "to", target.ID)
	err = r.transfers.Await(ctx, r.raft.LeadershipTransferToServer(target.ID, target.Address))
	if err == nil {
		return nil
	}
	if errors.Is(err, raft.ErrEnqueueTimeout) { // there is room for one in raft (api.go, leadershipTransferCh)
		return fmt.Errorf("%w (raft has not taken the last one)", ErrTransferPending)
	}
	if Classify(err) == Other { // it was tried
		r.mu.Lock()
		r.refused[target.ID] = epoch
		r.mu.Unlock()
	}
	return fmt.Errorf("leadership: transfer to %s: %w", target.ID, err)
}

func (r *Runner) refusedIn(id raft.ServerID, epoch uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[id] == epoch
}

// pick chooses a voter other than self that is fit: the one asked for, or the next
// one after self, so that a leadership that is of use to nobody goes round.
// raft's own choice takes the longest log, and a server that has just become a
// black hole has that, too (raft.go, pickServer).
func pick(servers []raft.Server, self, to raft.ServerID, fit func(raft.ServerID) bool) (raft.Server, error) {
	at := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == self })
	if at < 0 {
		return raft.Server{}, fmt.Errorf("leadership: transfer: this server is not in the configuration: %w", raft.ErrNotLeader)
	}
	why := ErrNoTarget
	for i := range servers {
		s := servers[(at+1+i)%len(servers)]
		switch {
		case s.ID == self || s.Suffrage != raft.Voter || to != "" && s.ID != to:
		case !fit(s.ID):
			why = ErrSilentTarget
		default:
			return s, nil
		}
	}
	if to != "" {
		return raft.Server{}, fmt.Errorf("%w: %q", why, to)
	}
	return raft.Server{}, why
}
