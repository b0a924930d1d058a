// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// quick is a policy whose times fit into a minute.
func quick(target int) Policy {
	return Policy{
		TargetVoters: target, DeadAfter: 5 * time.Second, AbsentAfter: 10 * time.Second,
		StableFor: 2 * time.Second, RemovalEvery: 3 * time.Second,
	}
}

// scene is a real cluster in virtual time, with a reconciler on every server, and the
// discovery they share. Make it in a bubble.
type scene struct {
	t    *testing.T
	c    *testcluster.Cluster
	conf Config // of every reconciler

	mu      sync.Mutex
	members map[raft.ServerID]Member // who is announced; Health and Since are as seen, below
	cut     map[raft.ServerID]bool
	hidden  map[raft.ServerID]bool                     // from every view, as long as blind is set
	seen    map[raft.ServerID]map[raft.ServerID]Member // by who looks
	actors  map[raft.ServerID]*actor                   // of servers that run
	quiet   time.Time                                  // nothing was done to the cluster since
	records []Record
	audit   bytes.Buffer
	lost    []string // quorums that a change of ours cost
	onBegun func()
	planned atomic.Int64 // looks that came to a plan
}

// actor is what runs on a server beside raft.
type actor struct {
	*Reconciler
	id    raft.ServerID
	stop  context.CancelFunc
	done  chan struct{}
	ended error
}

// newScene starts a cluster whose first voters are announced; the other servers are blank and
// wait for join.
func newScene(t *testing.T, cfg testcluster.Config, conf Config) *scene {
	t.Helper()
	s := &scene{
		t: t, conf: conf, members: map[raft.ServerID]Member{}, cut: map[raft.ServerID]bool{}, hidden: map[raft.ServerID]bool{},
		seen: map[raft.ServerID]map[raft.ServerID]Member{}, actors: map[raft.ServerID]*actor{},
	}
	if cfg.Addresses == nil {
		cfg.Addresses = func(raft.ServerID) raft.ServerAddressProvider { return s }
	}
	c, err := testcluster.New(cfg)
	require.NoError(t, err)
	c.ReportTo(t)
	s.c = c
	t.Cleanup(func() {
		for _, server := range c.Servers() {
			s.halt(server.ID())
		}
		err := c.Close()
		if errors.Is(err, testcluster.ErrNeverFired) { // in a random schedule a cut may meet no message
			err = c.Check()
			require.NotErrorIs(t, err, testcluster.ErrViolated)
			return
		}
		assert.NoError(t, err)
	})
	for i, server := range c.Servers() {
		if cfg.Voters == 0 || i < cfg.Voters {
			s.announce(server.ID())
		}
	}
	for _, server := range c.Servers() {
		s.run(server)
	}
	s.observe()
	return s
}

// ServerAddr is a raft.ServerAddressProvider by what discovery knows.
func (s *scene) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.members[id]; ok && !s.hidden[id] {
		return m.Address, nil
	}
	return "", errors.New("not known")
}

// announce has discovery know a server.
func (s *scene) announce(id raft.ServerID) {
	s.mu.Lock()
	s.members[id] = Member{ID: id, Address: s.c.Server(id).Address()}
	s.mu.Unlock()
	s.observe()
}

// run starts what belongs beside the raft of a server that runs.
func (s *scene) run(server *testcluster.Server, change ...func(*Reconciler)) {
	local := NewLocal(server.ID(), server.Address(), "")
	local.logs = server.LogStore()
	view, probe := s.sourceOf(server.ID()), s.proberOf(server.ID())
	conf := s.conf
	conf.Events.Planned = s.compare
	conf.Events.Changed = s.changed
	conf.Audit = lockedWriter{s}
	rec, err := New(server.Raft(), local, view, probe, conf)
	require.NoError(s.t, err)
	for _, f := range change {
		f(rec)
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &actor{Reconciler: rec, id: server.ID(), stop: stop, done: make(chan struct{})}
	s.mu.Lock()
	s.actors[a.id] = a
	s.mu.Unlock()
	go func() {
		defer close(a.done)
		a.ended = a.Run(ctx)
	}()
}

// rewire starts the reconciler of a server anew, with something about it changed.
func (s *scene) rewire(a *actor, change func(*Reconciler)) *actor {
	s.halt(a.id)
	s.run(s.c.Server(a.id), change)
	synctest.Wait()
	return s.actor(a.id)
}

// halt stops what runs beside the raft of a server.
func (s *scene) halt(id raft.ServerID) {
	if a := s.actor(id); a != nil {
		a.stop()
		<-a.done
		s.mu.Lock()
		delete(s.actors, id)
		s.mu.Unlock()
	}
}

func (s *scene) actor(id raft.ServerID) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.actors[id]
}

// crash kills a server, all of it at once. A call of its reconciler's that raft's main loop
// has not taken yet could hang for ever (raft.go, run), and with it the bubble.
func (s *scene) crash(id raft.ServerID) {
	s.touch()
	if a := s.actor(id); a != nil {
		a.stop()
		synctest.Wait()
	}
	require.NoError(s.t, s.c.Server(id).Crash(s.t.Context()))
	s.halt(id)
	s.observe()
}

func (s *scene) restart(id raft.ServerID) {
	s.touch()
	require.NoError(s.t, s.c.Server(id).Restart(s.t.Context()))
	s.run(s.c.Server(id))
	s.observe()
}

// move gives a server another address, which discovery knows at once.
func (s *scene) move(id raft.ServerID, to raft.ServerAddress) {
	s.touch()
	require.NoError(s.t, s.c.Network().Move(id, to))
	if a := s.actor(id); a != nil {
		a.local.update(func(r *Reply) { r.Address = to })
	}
	s.mu.Lock()
	if m, ok := s.members[id]; ok {
		m.Address = to
		s.members[id] = m
	}
	s.mu.Unlock()
	s.observe()
}

func (s *scene) isolate(id raft.ServerID, on bool) {
	s.touch()
	act := s.c.Network().Rejoin
	if on {
		act = s.c.Network().Isolate
	}
	require.NoError(s.t, act(id))
	s.mu.Lock()
	s.cut[id] = on
	s.mu.Unlock()
	s.observe()
}

// hide keeps servers out of every view; none ends it.
func (s *scene) hide(ids ...raft.ServerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hidden)
	for _, id := range ids {
		s.hidden[id] = true
	}
}

// observe has every server see who is there, as gossip would.
func (s *scene) observe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.c.Servers() {
		by := server.ID()
		if s.seen[by] == nil {
			s.seen[by] = map[raft.ServerID]Member{}
		}
		for id, m := range s.members {
			m.Health = Alive
			if s.c.Server(id) == nil || s.c.Server(id).Raft() == nil || by != id && (s.cut[by] || s.cut[id]) {
				m.Health = Failed
			}
			m.Since = time.Now()
			if before, ok := s.seen[by][id]; ok && before.Health == m.Health {
				m.Since = before.Since
			}
			s.seen[by][id] = m
		}
	}
}

// touch notes that something is done to the cluster.
func (s *scene) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = time.Now()
}

// source is a Source of one function.
type source func(context.Context) (View, error)

func (f source) View(ctx context.Context) (View, error) { return f(ctx) }

// prober is a Prober of one function.
type prober func(context.Context, raft.Server) (Reply, error)

func (f prober) Probe(ctx context.Context, s raft.Server) (Reply, error) { return f(ctx, s) }

func (s *scene) sourceOf(by raft.ServerID) source {
	return func(context.Context) (View, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		v := View{Taken: time.Now(), Warm: true}
		for _, id := range slices.Sorted(maps.Keys(s.members)) {
			if m, ok := s.seen[by][id]; ok && !s.hidden[id] {
				v.Members = append(v.Members, m)
			}
		}
		return v, nil
	}
}

// proberOf asks over the network that raft uses.
func (s *scene) proberOf(by raft.ServerID) prober {
	return func(ctx context.Context, target raft.Server) (Reply, error) {
		server, err := s.c.Dial(ctx, by, target.Address)
		if err != nil {
			return Reply{}, err
		}
		a := s.actor(server.ID())
		if a == nil {
			return Reply{}, fmt.Errorf("nobody answers on %s", server.ID())
		}
		return a.local.Reply(), nil
	}
}

type lockedWriter struct{ *scene }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.audit.Write(p)
}

func (s *scene) changed(r Record) {
	s.mu.Lock()
	s.records = append(s.records, r)
	meddle := s.onBegun
	s.mu.Unlock()
	if meddle != nil && r.Result == Begun {
		meddle()
	}
}

// made are the changes that were made, as "op server".
func (s *scene) made() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var made []string
	for _, r := range s.records {
		if r.Result == Made {
			made = append(made, fmt.Sprintf("%v %s", r.Change.Op, r.Change.Server.ID))
		}
	}
	return made
}

// compare compares what is about to be done with the truth: no change of ours may end a
// quorum that there is. What is done to the cluster in the very moment between look and
// act is nobody's fault.
func (s *scene) compare(state State, plan Plan) {
	s.planned.Add(1)
	if plan.Next == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.quiet) < 50*time.Millisecond {
		return
	}
	before, later := s.truth(state.Local, state.Servers), s.truth(state.Local, after(state.Servers, *plan.Next))
	if plan.Next.Op != Handover && before.Slack() >= 0 && later.Slack() < 0 {
		s.lost = append(s.lost, fmt.Sprintf("%v %v: %+v -> %+v", plan.Next.Op, plan.Next.Server, before, later))
	}
}

// truth is the tally of a list by who really runs and is reached.
func (s *scene) truth(leader raft.ServerID, list []raft.Server) (t Tally) {
	for _, m := range list {
		if m.Suffrage != raft.Voter {
			continue
		}
		t.Voters++
		if server := s.c.Server(m.ID); server != nil && server.Raft() != nil && (m.ID == leader || !s.cut[leader] && !s.cut[m.ID]) {
			t.Live++
		}
	}
	return t
}

// leader waits for a server that leads and can commit.
func (s *scene) leader() *actor {
	s.t.Helper()
	server, err := s.c.Leader(s.t.Context())
	require.NoError(s.t, err)
	return s.actor(server.ID())
}

// settle waits until the leader has nothing left to do and ok holds, and returns how
// long that took.
func (s *scene) settle(limit time.Duration, ok func(*actor, []raft.Server) bool) (time.Duration, error) {
	begun := time.Now()
	for time.Since(begun) <= limit {
		for _, server := range s.c.Servers() {
			a := s.actor(server.ID())
			if a == nil || server.Raft() == nil || server.Raft().State() != raft.Leader {
				continue
			}
			st := a.Status()
			if st.Err == nil && st.Plan.Next == nil && st.Looked.After(begun) && ok(a, a.servers()) {
				return time.Since(begun), nil
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
	return 0, fmt.Errorf("not settled after %v: %v", limit, s.describe())
}

func (s *scene) describe() string {
	var b bytes.Buffer
	for _, server := range s.c.Servers() {
		a := s.actor(server.ID())
		if a == nil {
			fmt.Fprintf(&b, "\n%s is down", server.ID())
			continue
		}
		st := a.Status()
		fmt.Fprintf(&b, "\n%s leads=%v knows=%q at=%s err=%v list=%v", a.id, st.Leading, st.Leader, server.Address(), st.Err, st.Servers)
		if st.Leading {
			fmt.Fprintf(&b, "\n  next=%+v\n  blocked=%+v\n  findings=%v", st.Plan.Next, st.Plan.Blocked, st.Plan.Findings)
		}
	}
	return b.String()
}

// listed is a configuration as text, such as "n1 n2 n3 n4-": a dash marks a nonvoter.
func listed(servers []raft.Server) string {
	var ids []string
	for _, m := range servers {
		id := string(m.ID)
		if m.Suffrage != raft.Voter {
			id += "-"
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return fmt.Sprint(ids)
}

// becomes waits until the list is as given, at the true addresses, and all is quiet.
func (s *scene) becomes(limit time.Duration, want string) {
	s.t.Helper()
	_, err := s.settle(limit, func(_ *actor, servers []raft.Server) bool { return listed(servers) == want && s.inPlace(servers) })
	require.NoError(s.t, err, "want %s", want)
}

// inPlace reports whether a list has the addresses that the servers have.
func (s *scene) inPlace(servers []raft.Server) bool {
	return !slices.ContainsFunc(servers, func(m raft.Server) bool {
		server := s.c.Server(m.ID)
		return server != nil && server.Address() != m.Address
	})
}
