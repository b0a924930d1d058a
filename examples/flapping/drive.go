// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/internal/timeline"
	"github.com/raftkeel/raftkeel/leadership"
)

const (
	timeout  = 50 * time.Millisecond // of elections: a twentieth of raft's default, to watch it
	steps    = 5                     // raft calls of the establish step
	stepTime = 20 * time.Millisecond // work between two of them
	tooLong  = time.Second           // a step that takes longer hangs
	patience = 2 * tooLong           // for one change of leadership
	tries    = 5                     // changes that may fail in a row
)

// outcome is what became of a group whose leadership moved.
type outcome struct {
	moved    int
	gains    uint64 // leaderships, by the programs' count
	stuck    string // why a program hangs; "" if none does
	timeline timeline.Timeline
}

// group is a raft group in this process, with a program on each server.
type group struct {
	cluster  *testcluster.Cluster
	programs map[raft.ServerID]*program
	ready    chan struct{} // closed when cluster is set
	kept     bool
	failed   error
}

// drive moves leadership o.flaps times, or until a program hangs.
func drive(ctx context.Context, o options, kept bool, progress io.Writer) (outcome, error) {
	g := &group{programs: map[raft.ServerID]*program{}, ready: make(chan struct{}), kept: kept}
	var err error
	g.cluster, err = testcluster.New(testcluster.Config{
		Servers: o.nodes, Seed: o.seed, Configure: g.configure, Started: g.started,
	})
	if err != nil {
		return outcome{}, err
	}
	close(g.ready)
	out, err := g.flap(ctx, o, progress)
	if kept {
		err = errors.Join(err, g.agree(ctx))
	}
	out.timeline = withoutNotes(g.cluster.Timeline())
	return out, errors.Join(err, g.failed, g.stop(&out))
}

// withoutNotes leaves out what only clutters the picture: every kick.
func withoutNotes(t timeline.Timeline) timeline.Timeline {
	t.Events = slices.DeleteFunc(t.Events, func(e timeline.Event) bool { return e.Kind == timeline.Note })
	return t
}

func (g *group) configure(id raft.ServerID, c *raft.Config) {
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = timeout, timeout, timeout
	c.CommitTimeout = timeout / 10
	p := &program{id: id, done: make(chan struct{})}
	g.programs[id] = p
	if g.kept {
		p.notifier = leadership.NewNotifier()
		c.NotifyCh = p.notifier.NotifyCh()
	} else {
		p.notify = make(chan bool)
		c.NotifyCh = p.notify
	}
}

func (g *group) started(s *testcluster.Server) {
	p := g.programs[s.ID()]
	p.raft, p.record = s.Raft(), func(e timeline.Event) { g.cluster.Record(e) }
	listen := p.listenNaively
	if g.kept {
		g.failed = errors.Join(g.failed, p.notifier.Attach(p.raft))
		listen = p.listen
	}
	go func() {
		<-g.ready
		listen()
	}()
}

// flap moves leadership by kicks, transfers and cuts, a random moment apart.
func (g *group) flap(ctx context.Context, o options, progress io.Writer) (out outcome, err error) {
	rnd := rand.New(rand.NewPCG(o.seed, 0))
	kinds := []testcluster.Kind{testcluster.Kick, testcluster.Kick, testcluster.Transfer, testcluster.Isolate}
	if o.nodes == 2 {
		kinds = kinds[:3] // of two, none may be cut off
	}
	defer fmt.Fprintln(progress)
	for failed := 0; out.moved < o.flaps; {
		kind := kinds[rnd.IntN(len(kinds))]
		sleep(ctx, time.Duration(rnd.Int64N(int64(steps*stepTime*3/2))))
		change, err := g.move(ctx, kind)
		if out.stuck = g.stuck(ctx); out.stuck != "" {
			return out, nil
		}
		if err != nil {
			if failed++; failed == tries || ctx.Err() != nil {
				return out, err
			}
			continue // on a busy machine an election of 50 ms takes longer at times
		}
		failed = 0
		out.moved++
		fmt.Fprintf(progress, "\r   moved %d of %d times: %s to %s by %v, term %d   ",
			out.moved, o.flaps, change.Old, change.New, kind, change.Term)
	}
	if !g.kept {
		sleep(ctx, tooLong+timeout) // what hangs now shows by then
	}
	out.stuck = g.stuck(ctx)
	return out, ctx.Err()
}

func (g *group) move(ctx context.Context, kind testcluster.Kind) (testcluster.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return g.cluster.Flap(ctx, kind)
}

// stuck says which programs hang, and shows that their raft does.
func (g *group) stuck(ctx context.Context) string {
	var said strings.Builder
	for _, s := range g.cluster.Servers() {
		p := g.programs[s.ID()]
		step, since, hangs := p.hangs()
		if !hangs {
			continue
		}
		why := p.deaf()
		if why == "" {
			continue // slow, but it moves
		}
		p.note(timeline.Stuck, since)
		fmt.Fprintf(&said, "%s hangs: its program waits in %s; its raft, a %v, %s.\n", p.id, step, p.raft.State(), why)
	}
	if said.Len() == 0 {
		return ""
	}
	sleep(ctx, 4*timeout)
	return said.String() + "\nRaft waits for the program to receive from NotifyCh, and takes no call while it waits.\n" +
		"The program waits for its call, and does not receive. Neither will ever move.\n"
}

// agree checks, when leadership has settled, that every program was told what
// its raft says.
func (g *group) agree(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := g.cluster.Converged(ctx); err != nil {
		return err
	}
	for id, p := range g.programs {
		leads := p.raft.State() == raft.Leader
		if told := p.notifier.State(); told.Leader != leads {
			return fmt.Errorf("guarantee 2 is broken: raft of %s is a %v, and the notifier says %+v", id, p.raft.State(), told)
		}
	}
	return nil
}

// stop shuts the group down, waits for the programs, and checks the counts.
func (g *group) stop(out *outcome) error {
	err := g.cluster.Close()
	if errors.Is(err, testcluster.ErrNeverFired) || !g.kept && errors.Is(err, testcluster.ErrViolated) {
		err = nil // a server that hangs takes no kick, and harms more than this shows
	}
	if err != nil {
		return err // a raft may still run, and send
	}
	var errs []error
	for id, p := range g.programs {
		if !g.kept {
			close(p.notify)
		}
		<-p.done
		if !g.kept {
			continue
		}
		end := p.notifier.State()
		out.gains += end.Epoch
		if p.told.State != end || p.told.Gains != end.Epoch || p.told.Losses != end.Epoch {
			errs = append(errs, fmt.Errorf("guarantee 3 is broken: %s ended as %+v, and its program was told %+v", id, end, p.told))
		}
	}
	return errors.Join(errs...)
}
