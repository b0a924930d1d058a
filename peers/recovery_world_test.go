// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// world is a few real servers in a bubble, on stores that outlive them.
type world struct {
	t     *testing.T
	disks map[raft.ServerID]*memoryDisk
	up    map[raft.ServerID]*server
	cut   map[[2]raft.ServerID]bool
	wait  sync.WaitGroup // of futures

	mu      sync.Mutex
	acked   map[uint64]string // by index
	written int
}

type memoryDisk struct {
	logs, stable *raft.InmemStore
	snaps        *raft.InmemSnapshotStore
}

type server struct {
	raft  *raft.Raft
	trans *raft.InmemTransport
	tape  *tape
}

// tape is a state machine that remembers all commands.
type tape struct {
	mu    sync.Mutex
	lines []string
}

func (f *tape) Apply(l *raft.Log) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, string(l.Data))
	return nil
}

func (f *tape) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

func (f *tape) Snapshot() (raft.FSMSnapshot, error) {
	return tapeSnapshot(strings.Join(f.read(), "\n")), nil
}

func (f *tape) Restore(source io.ReadCloser) error {
	text, err := io.ReadAll(source)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = strings.Fields(string(text))
	return err
}

type tapeSnapshot string

func (s tapeSnapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := io.WriteString(sink, string(s)); err != nil {
		return err
	}
	return sink.Close()
}

func (tapeSnapshot) Release() {}

// slowSnapshots takes its time. raft can send one follower the same snapshot for ever, as
// fast as it can: one whose log has other entries, of an older term, up to and beyond the
// snapshot's index keeps them (raft.go, installSnapshot), and refuses what follows the
// snapshot because of them. In a bubble that would stop the clock.
type slowSnapshots struct{ *raft.InmemSnapshotStore }

func (s slowSnapshots) Create(v raft.SnapshotVersion, index, term uint64, conf raft.Configuration, confIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	time.Sleep(20 * time.Millisecond)
	if metas, _ := s.List(); len(metas) > 0 && (Entry{Term: metas[0].Term, Index: metas[0].Index}).compare(Entry{Term: term, Index: index}) > 0 {
		return nil, errors.New("older than what is there, and would replace it") // InmemSnapshotStore keeps one
	}
	return s.InmemSnapshotStore.Create(v, index, term, conf, confIndex, trans)
}

// unpiped sends one message after the other: with raft's pipeline, replication hangs for
// good about once in 20,000 of these histories.
type unpiped struct{ *raft.InmemTransport }

func (unpiped) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func newDisk() *memoryDisk {
	return &memoryDisk{logs: raft.NewInmemStore(), stable: raft.NewInmemStore(), snaps: raft.NewInmemSnapshotStore()}
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, disks: map[raft.ServerID]*memoryDisk{}, up: map[raft.ServerID]*server{},
		cut: map[[2]raft.ServerID]bool{}, acked: map[uint64]string{},
	}
	t.Cleanup(w.crashAll) // a bubble must not end while servers run
	return w
}

func addressOf(id raft.ServerID) raft.ServerAddress { return raft.ServerAddress(id + ":8300") }

func serverOf(id raft.ServerID) raft.Server { return raft.Server{ID: id, Address: addressOf(id)} }

func configOf(id raft.ServerID) *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID, conf.Logger = id, hclog.NewNullLogger()
	conf.NoLegacyTelemetry = true
	conf.CommitTimeout = 200 * time.Millisecond
	conf.TrailingLogs = 2
	conf.SnapshotInterval = time.Hour
	return conf
}

// bootstrap makes blank disks for ids, the first n of which are the voters.
func (w *world) bootstrap(n int, ids ...raft.ServerID) {
	var conf raft.Configuration
	for _, id := range ids[:n] {
		conf.Servers = append(conf.Servers, serverOf(id))
	}
	for i, id := range ids {
		d := newDisk()
		w.disks[id] = d
		if i < n {
			_, trans := raft.NewInmemTransport(addressOf(id))
			require.NoError(w.t, raft.BootstrapCluster(configOf(id), d.logs, d.stable, d.snaps, trans, conf))
		}
	}
}

func (w *world) start(id raft.ServerID) {
	_, trans := raft.NewInmemTransport(addressOf(id))
	d, tape := w.disks[id], &tape{}
	r, err := raft.NewRaft(configOf(id), tape, d.logs, d.stable, slowSnapshots{d.snaps}, unpiped{trans})
	require.NoError(w.t, err)
	w.up[id] = &server{raft: r, trans: trans, tape: tape}
	w.relink()
}

func (w *world) crash(id raft.ServerID) {
	s := w.up[id]
	delete(w.up, id)
	for _, o := range w.up {
		o.trans.Disconnect(addressOf(id))
	}
	s.trans.DisconnectAll()
	require.NoError(w.t, s.raft.Shutdown().Error())
	require.NoError(w.t, s.trans.Close())
}

func (w *world) crashAll() {
	for _, id := range slices.Sorted(maps.Keys(w.up)) {
		w.crash(id)
	}
	w.wait.Wait()
}

func (w *world) relink() {
	for a, from := range w.up {
		for b, to := range w.up {
			switch {
			case a == b:
			case w.cut[[2]raft.ServerID{min(a, b), max(a, b)}]:
				from.trans.Disconnect(addressOf(b))
			default:
				from.trans.Connect(addressOf(b), to.trans)
			}
		}
	}
}

// split cuts every link between the servers for which side differs; nil heals all.
func (w *world) split(side func(raft.ServerID) bool) {
	clear(w.cut)
	for a := range w.disks {
		for b := range w.disks {
			if side != nil && side(a) != side(b) {
				w.cut[[2]raft.ServerID{min(a, b), max(a, b)}] = true
			}
		}
	}
	w.relink()
}

func (w *world) leaders() (ids []raft.ServerID) {
	for _, id := range slices.Sorted(maps.Keys(w.up)) {
		if w.up[id].raft.State() == raft.Leader {
			ids = append(ids, id)
		}
	}
	return ids
}

// write sends a command to a server, and notes it once it is acknowledged.
func (w *world) write(id raft.ServerID) {
	w.written++
	line := fmt.Sprintf("%s%d", id, w.written)
	f := w.up[id].raft.Apply([]byte(line), time.Second)
	w.wait.Go(func() {
		if f.Error() == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.acked[f.Index()] = line
		}
	})
}

// awaited waits for a future besides.
func (w *world) awaited(f raft.Future) { w.wait.Go(func() { _ = f.Error() }) }

// eventually waits in virtual time.
func (w *world) eventually(what string, done func() bool) {
	w.t.Helper()
	for range 600 {
		if done() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for id, s := range w.up {
		w.t.Logf("%s: %v, %v, %+v", id, s.raft.Stats(), s.tape.read(), w.disks[id].node(w.t, id))
	}
	require.FailNow(w.t, "never: "+what)
}

// lost are the acknowledged commands that are not in lines, in their order.
func (w *world) lost(lines []string) (lost []string) {
	for _, index := range slices.Sorted(maps.Keys(w.acked)) {
		at := slices.Index(lines, w.acked[index])
		if at < 0 {
			lost = append(lost, w.acked[index])
			continue
		}
		lines = lines[at+1:]
	}
	return lost
}

// node is what Inspect would say of a disk.
func (d *memoryDisk) node(t *testing.T, id raft.ServerID) Node {
	n := Node{ID: id}
	n.Term, _ = d.stable.GetUint64([]byte("CurrentTerm"))
	metas, err := d.snaps.List()
	require.NoError(t, err)
	if len(metas) > 0 {
		m := metas[0]
		n.Last = Entry{Term: m.Term, Index: m.Index}
		n.Snapshots = []Snapshot{{ID: m.ID, Entry: n.Last, ConfigIndex: m.ConfigurationIndex}}
		n.Configs = []Configuration{{Index: m.ConfigurationIndex, Servers: m.Configuration.Servers, Digest: DigestOf(m.Configuration.Servers)}}
	}
	first, _ := d.logs.FirstIndex()
	last, _ := d.logs.LastIndex()
	n.FirstLog = first
	for i := first; i > 0 && i <= last; i++ {
		entry, ok := d.entry(t, i)
		if !ok {
			continue
		}
		if i > n.Last.Index {
			n.Last = Entry{Term: entry.Term, Index: i}
		}
		if entry.Type == raft.LogConfiguration && (len(n.Configs) == 0 || i > n.newest().Index) {
			servers := raft.DecodeConfiguration(entry.Data).Servers
			n.Configs = append(n.Configs, Configuration{Index: i, Term: entry.Term, Servers: servers, Digest: DigestOf(servers)})
		}
	}
	n.HasState = n.Term > 0 || n.Last.Index > 0
	return n
}

// entry is one of the log. There may be a gap below a snapshot that was installed: raft
// keeps trailing entries from before it (raft.go, installSnapshot).
func (d *memoryDisk) entry(t *testing.T, i uint64) (entry raft.Log, ok bool) {
	err := d.logs.GetLog(i, &entry)
	if err != nil {
		metas, _ := d.snaps.List()
		require.NotEmpty(t, metas, "entry %d: %v", i, err)
		require.LessOrEqual(t, i, metas[0].Index, "%v", err)
	}
	return entry, err == nil
}

func (d *memoryDisk) clone(t *testing.T) *memoryDisk {
	c := newDisk()
	first, _ := d.logs.FirstIndex()
	last, _ := d.logs.LastIndex()
	for i := first; i > 0 && i <= last; i++ {
		if entry, ok := d.entry(t, i); ok {
			require.NoError(t, c.logs.StoreLog(&entry))
		}
	}
	for _, key := range []string{"CurrentTerm", "LastVoteTerm"} {
		v, _ := d.stable.GetUint64([]byte(key))
		require.NoError(t, c.stable.SetUint64([]byte(key), v))
	}
	if v, err := d.stable.Get([]byte("LastVoteCand")); err == nil {
		require.NoError(t, c.stable.Set([]byte("LastVoteCand"), v))
	}
	metas, _ := d.snaps.List()
	for _, m := range metas {
		_, source, err := d.snaps.Open(m.ID)
		require.NoError(t, err)
		_, trans := raft.NewInmemTransport("x")
		sink, err := c.snaps.Create(m.Version, m.Index, m.Term, m.Configuration, m.ConfigurationIndex, trans)
		require.NoError(t, err)
		_, err = io.Copy(sink, source)
		require.NoError(t, err)
		require.NoError(t, sink.Close())
	}
	return c
}

// recover does to a disk what raft's own recovery does.
func (d *memoryDisk) recover(t *testing.T, id raft.ServerID, servers []raft.Server) {
	_, trans := raft.NewInmemTransport(addressOf(id))
	last, _ := d.logs.LastIndex()
	require.NoError(t, raft.RecoverCluster(configOf(id), &tape{}, d.logs, d.stable, d.snaps, trans, raft.Configuration{Servers: servers}))
	if last == 0 {
		d.logs = raft.NewInmemStore() // its DeleteRange(0, 0) leaves a last index of 2^64-1
	}
}

// history lets a random cluster live, and stops it. Whatever is acknowledged is in acked.
func history(t *testing.T, rng *rand.Rand) *world {
	w := newWorld(t)
	all := []raft.ServerID{"a", "b", "c", "d", "e", "f"}[:2+rng.IntN(5)]
	w.bootstrap(1+rng.IntN(len(all)), all...)
	for _, id := range all {
		w.start(id)
	}
	w.eventually("a first leader", func() bool { return len(w.leaders()) > 0 })
	for range 4 + rng.IntN(12) {
		w.step(rng, all)
		time.Sleep(time.Duration(rng.IntN(400)) * time.Millisecond)
		if rng.IntN(3) == 0 {
			time.Sleep(2 * time.Second)
		}
	}
	w.crashAll()
	return w
}

func (w *world) step(rng *rand.Rand, all []raft.ServerID) {
	id := all[rng.IntN(len(all))]
	s := w.up[id]
	switch kind := rng.IntN(12); {
	case kind > 9:
		w.depose(rng)
	case kind < 4:
		for _, l := range w.leaders() {
			for range 1 + rng.IntN(3) {
				w.write(l)
			}
		}
	case kind == 4:
		mask := rng.IntN(1 << len(all))
		w.split(func(id raft.ServerID) bool { return mask>>slices.Index(all, id)&1 == 1 })
	case kind == 5:
		w.split(nil)
	case kind == 6 && s != nil:
		w.awaited(s.raft.Snapshot())
	case kind == 7 && s != nil:
		w.crash(id)
	case s == nil:
		w.start(id)
	default:
		for _, l := range w.leaders() {
			w.change(rng, w.up[l].raft, id, l)
		}
	}
}

// depose cuts a leader off, alone or with some others, gives it writes that it cannot
// commit, and lets the rest go on without it: the longest log is then not the best.
func (w *world) depose(rng *rand.Rand) {
	leaders := w.leaders()
	if len(leaders) == 0 {
		return
	}
	with := rng.Uint64()
	w.split(func(id raft.ServerID) bool { return id == leaders[0] || (id != "a" && with>>(id[0]-'a')&3 == 3) })
	for range 1 + rng.IntN(6) {
		w.write(leaders[0])
	}
	time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
	for _, l := range w.leaders() {
		w.write(l)
	}
}

func (w *world) change(rng *rand.Rand, r *raft.Raft, id, leader raft.ServerID) {
	switch kind := rng.IntN(4); {
	case id == leader:
	case kind == 0:
		w.awaited(r.AddNonvoter(id, addressOf(id), 0, time.Second))
	case kind == 1:
		w.awaited(r.DemoteVoter(id, 0, time.Second))
	case kind == 2:
		w.awaited(r.RemoveServer(id, 0, time.Second))
	default:
		w.awaited(r.AddVoter(id, addressOf(id), 0, time.Second))
	}
}
