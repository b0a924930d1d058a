// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Cluster is a running raft cluster. Its methods may be called from any
// goroutine. In a bubble, create, use and close it inside.
type Cluster struct {
	cfg       Config
	network   *Network
	servers   []*Server
	elections elections
	ledger    ledger
	counts    counters
	recorder  *timeline.Recorder
	tasks     tasks // goroutines that wait for raft's futures

	mu       sync.Mutex
	schedule Schedule      // what Run was last given, for the report
	flaps    uint64        // numbers the choices of Flap
	result   chan struct{} // closed when Close is done
	closeErr error
}

// patience bounds every wait whose context has no deadline, on whatever clock
// the program runs. In a bubble an endless wait is an endless loop: raft's timers
// keep the virtual clock running, and nothing would ever report it.
const patience = time.Minute

// New makes a cluster, bootstraps it and starts all servers. It does not wait
// for a leader. The caller must call [Cluster.Close], in a test by t.Cleanup:
// a bubble that is left with servers running panics and tells nothing else.
func New(cfg Config) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Cluster{cfg: cfg, recorder: timeline.NewRecorder(0), result: make(chan struct{})}
	ids := make([]raft.ServerID, cfg.Servers)
	var first raft.Configuration
	for i := range ids {
		ids[i] = raft.ServerID(fmt.Sprintf("n%d", i+1))
		if i < cfg.Voters {
			first.Servers = append(first.Servers, raft.Server{ID: ids[i], Address: addressOf(ids[i])})
		}
	}
	c.elections.terms = make([]uint64, len(ids))
	c.elections.changed = make(chan struct{})
	c.network = newNetwork(cfg, ids, &c.counts, c.note)
	for i, id := range ids {
		c.servers = append(c.servers, newServer(c, i, id))
	}
	for i, s := range c.servers {
		conf := &first
		if i >= cfg.Voters {
			conf = nil
		}
		if err := s.firstStart(conf); err != nil {
			return nil, errors.Join(err, c.stop())
		}
	}
	return c, nil
}

// Servers lists the servers in the order of their ids, also those that are down.
func (c *Cluster) Servers() []*Server { return slices.Clone(c.servers) }

// Server returns a server by id; nil for an id that is not of this cluster.
func (c *Cluster) Server(id raft.ServerID) *Server {
	n, err := c.network.number(id)
	if err != nil {
		return nil
	}
	return c.servers[n]
}

// Network is the switch between the servers.
func (c *Cluster) Network() *Network { return c.network }

// Faults counts the faults of this run so far.
func (c *Cluster) Faults() Counts { return c.counts.counts() }

// Timeline is what happened so far.
func (c *Cluster) Timeline() timeline.Timeline { return c.recorder.Timeline() }

// Record adds an event to the timeline, for what only the caller sees: work
// established or revoked, a client's error. It never waits.
func (c *Cluster) Record(e timeline.Event) { c.recorder.Record(e) }

// Heal ends every fault but one: isolation, partition, link states (back to
// Config.Link), pauses, slow, hanging and failing stores and state machines. It
// does not restart servers that are down, because that can fail: Restart them.
func (c *Cluster) Heal() {
	c.network.Heal()
	for _, s := range c.servers {
		s.heal()
	}
}

func (s *Server) heal() {
	s.logs.Heal()
	s.snaps.Heal()
	s.fsm.Heal()
	s.Resume()
}

// Close stops every server, and returns when all that the cluster started has
// ended. It releases hangs and pauses; faults on links do not matter to it. What
// it returns is the verdict on the run: servers that do not stop, and [Cluster.Check].
// Later calls return the same.
func (c *Cluster) Close() error {
	if !c.tasks.close() {
		<-c.result
		return c.closeErr
	}
	c.closeErr = errors.Join(c.stop(), c.Check())
	close(c.result)
	return c.closeErr
}

// stop takes all servers down at once: one after the other, those that are
// left would hold elections.
func (c *Cluster) stop() error {
	ctx, cancel := c.bound(context.Background())
	defer cancel()
	c.tasks.close()
	errs := make([]error, len(c.servers))
	var all sync.WaitGroup
	for i, s := range c.servers {
		all.Go(func() { errs[i] = s.end(ctx) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err // waiting for the rest would hang, too
	}
	c.tasks.wait()
	return nil
}

// Check returns the violations seen so far, and an error that names every kind
// of fault that was requested and never fired. It does not wait and changes nothing.
func (c *Cluster) Check() error {
	return errors.Join(c.ledger.check(), c.counts.check())
}

// bound gives a context without a deadline one.
func (c *Cluster) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing happened for %v: %w", patience, context.DeadlineExceeded))
}

func (c *Cluster) note(begin bool, server raft.ServerID, text string) {
	kind := timeline.Heal
	if begin {
		kind = timeline.Fault
	}
	c.recorder.Record(timeline.Event{Server: string(server), Kind: kind, Text: text})
}
