// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

var updateRecovery = flag.Bool("update-recovery", false, "write the golden files of recovery plans")

func listOf(ids ...raft.ServerID) (list []raft.Server) {
	for _, id := range ids {
		list = append(list, serverOf(id))
	}
	return list
}

func configAt(index, term uint64, ids ...raft.ServerID) Configuration {
	list := listOf(ids...)
	return Configuration{Index: index, Term: term, Servers: list, Digest: DigestOf(list)}
}

// stored is a node from a directory.
func stored(id raft.ServerID, term, index uint64, configs ...Configuration) Node {
	return Node{
		ID: id, Dir: "/var/lib/" + string(id), HasState: true, Term: term,
		Last: Entry{Term: term, Index: index}, FirstLog: 1, Configs: configs,
	}
}

// z20 is the outage of research fact 28: d, which led, and e are gone, and only a has
// what d acknowledged last.
func z20() []Node {
	five := configAt(1, 1, "a", "b", "c", "d", "e")
	return []Node{stored("c", 1, 2, five), stored("a", 3, 3, five), stored("b", 1, 2, five)}
}

func TestGuarantee22_RefusesUntilTheOldQuorumIsFenced(t *testing.T) {
	five := configAt(1, 1, "a", "b", "c", "d", "e")
	four := configAt(9, 2, "a", "b", "c", "d")
	for name, c := range map[string]struct {
		nodes  []Node
		o      RecoveryConfig
		unsafe []raft.ServerID // nil: planned
		need   int
	}{
		"two of five":         {[]Node{stored("a", 1, 5, five), stored("b", 1, 5, five)}, RecoveryConfig{}, []raft.ServerID{"c", "d", "e"}, 1},
		"one fenced":          {[]Node{stored("a", 1, 5, five), stored("b", 1, 5, five)}, RecoveryConfig{Fenced: []raft.ServerID{"d"}}, nil, 0},
		"the wrong one":       {[]Node{stored("a", 1, 5, five)}, RecoveryConfig{Fenced: []raft.ServerID{"a", "e"}}, []raft.ServerID{"b", "c", "d"}, 1},
		"three of five":       {z20(), RecoveryConfig{}, nil, 0},
		"half of two":         {[]Node{stored("a", 1, 5, configAt(1, 1, "a", "b"))}, RecoveryConfig{}, []raft.ServerID{"b"}, 1},
		"half of two settled": {[]Node{stored("a", 1, 5, configAt(1, 1, "a", "b"))}, RecoveryConfig{Settled: true}, nil, 0},
		"newest and previous": {[]Node{stored("a", 2, 9, five, four)}, RecoveryConfig{}, []raft.ServerID{"b", "c", "d", "e"}, 2},
		"previous alone":      {[]Node{stored("a", 2, 9, five, configAt(9, 2, "a"))}, RecoveryConfig{}, []raft.ServerID{"b", "c", "d", "e"}, 2},
		"previous settled":    {[]Node{stored("a", 2, 9, five, configAt(9, 2, "a"))}, RecoveryConfig{Settled: true}, []raft.ServerID{"b", "c", "d", "e"}, 2},
		"a blank voter":       {[]Node{stored("a", 1, 5, five), stored("b", 1, 5, five), {ID: "c"}}, RecoveryConfig{}, []raft.ServerID{"c", "d", "e"}, 1},
	} {
		_, err := PlanRecovery(c.nodes, c.o)
		if c.unsafe == nil {
			require.NoError(t, err, name)
			continue
		}
		var e *UnfencedError
		require.ErrorAs(t, err, &e, name)
		require.ErrorIs(t, err, ErrUnfenced)
		require.Equal(t, &UnfencedError{Servers: c.unsafe, Need: c.need}, e, name)
	}
}

func TestGuarantee23_LosslessExactlyWhenProven(t *testing.T) {
	five := configAt(1, 1, "a", "b", "c", "d", "e")
	recoveredBefore := stored("a", 3, 9, five)
	recoveredBefore.Findings = []Finding{{Code: FoundForced}}
	snapshotOnly := stored("a", 3, 9, Configuration{Index: 1, Servers: five.Servers, Digest: five.Digest})
	everybody := []raft.ServerID{"a", "b", "c", "d", "e", "f"}
	two, four := configAt(1, 1, "a", "b"), configAt(1, 1, "a", "b", "c", "d")
	six := configAt(1, 1, everybody...)
	for name, c := range map[string]struct {
		nodes    []Node
		o        RecoveryConfig
		lossless bool
	}{
		"3 of 5":                {z20(), RecoveryConfig{}, true},
		"2 of 5":                {z20()[:2], RecoveryConfig{}, false},
		"2 of 5, settled":       {z20()[:2], RecoveryConfig{Settled: true}, false},
		"1 of 2":                {[]Node{stored("a", 1, 5, two)}, RecoveryConfig{}, false},
		"1 of 2, settled":       {[]Node{stored("a", 1, 5, two)}, RecoveryConfig{Settled: true}, true},
		"2 of 4, settled":       {[]Node{stored("a", 1, 5, four), stored("b", 1, 4, four)}, RecoveryConfig{Settled: true}, true},
		"3 of 6, settled":       {[]Node{stored("a", 1, 5, six), stored("b", 1, 4, six), stored("f", 1, 2, six)}, RecoveryConfig{Settled: true}, true},
		"1 of 4, settled":       {[]Node{stored("a", 1, 5, four)}, RecoveryConfig{Settled: true}, false},
		"newest, not previous":  {[]Node{stored("a", 2, 9, five, configAt(9, 2, "a"))}, RecoveryConfig{}, false},
		"lost a disk":           {append(z20(), Node{ID: "d"}), RecoveryConfig{}, false},
		"forced before":         {append(z20()[:1], recoveredBefore, z20()[2]), RecoveryConfig{}, false},
		"index 1 in a snapshot": {append(z20()[:1], snapshotOnly, z20()[2]), RecoveryConfig{}, false},
		"never forced":          {append(z20()[:1], snapshotOnly, z20()[2]), RecoveryConfig{NeverForced: true}, true},
		"one is live":           {append(z20()[:2], NodeOf(Reply{ID: "b", HasState: true, LastTerm: 1, LastIndex: 2, Servers: five.Servers})), RecoveryConfig{}, false},
		"all vote":              {z20(), RecoveryConfig{AllVote: true}, false},
	} {
		c.o.Fenced = everybody
		r, err := PlanRecovery(c.nodes, c.o)
		require.NoError(t, err, name)
		require.Equal(t, c.lossless, r.Lossless, "%s: %v", name, r)
		require.NotEmpty(t, r.Why)
	}
}

// The file names everybody who is there, gives the vote to the best informed alone, and
// does not depend on the order in which the nodes were read. raft reads it as we mean it.
func TestGuarantee23_F8_OneFileForAll(t *testing.T) {
	nodes := z20()
	want, err := PlanRecovery(nodes, RecoveryConfig{})
	require.NoError(t, err)
	require.Equal(t, raft.ServerID("a"), want.Seed)
	require.Len(t, want.Servers, 3)
	for range 20 {
		rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		again, err := PlanRecovery(nodes, RecoveryConfig{})
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	path := filepath.Join(t.TempDir(), peersName)
	require.NoError(t, os.WriteFile(path, []byte(want.File), 0o600))
	conf, err := raft.ReadConfigJSON(path)
	require.NoError(t, err)
	require.Equal(t, want.Servers, conf.Servers)
	require.Equal(t, want.Digest, DigestOf(conf.Servers))
	require.Equal(t, []raft.ServerID{"a"}, votersOf(conf.Servers))

	file, err := ParsePeers([]byte(want.File), ParseConfig{Local: serverOf("a")})
	require.NoError(t, err, "our own reader is stricter")
	require.Equal(t, want.Servers, file.Servers)

	moved, err := PlanRecovery(nodes, RecoveryConfig{Address: map[raft.ServerID]raft.ServerAddress{"b": "10.0.0.9:8300"}})
	require.NoError(t, err)
	require.Equal(t, raft.ServerAddress("10.0.0.9:8300"), moved.Servers[1].Address)
	require.NotEqual(t, want.ID, moved.ID)

	for _, address := range []raft.ServerAddress{"c:8300", "", "b", "0.0.0.0:1"} {
		_, err = PlanRecovery(nodes, RecoveryConfig{Address: map[raft.ServerID]raft.ServerAddress{"b": address}})
		require.ErrorIs(t, err, ErrBadFile, "%q", address)
	}
}

func TestGuarantee23_TheBestEndsInTheLatestTerm(t *testing.T) {
	five := configAt(1, 1, "a", "b", "c", "d", "e")
	r, err := PlanRecovery([]Node{stored("a", 2, 99, five), stored("b", 3, 7, five), stored("c", 3, 7, five)}, RecoveryConfig{})
	require.NoError(t, err)
	require.Equal(t, raft.ServerID("b"), r.Seed, "a long log of an old term was never committed")
}

func TestRecoveryPlan_Golden(t *testing.T) {
	for name, o := range map[string]RecoveryConfig{
		"recovery_one_voter": {Fenced: []raft.ServerID{"e"}},
		"recovery_all_vote":  {Fenced: []raft.ServerID{"d", "e"}, AllVote: true},
	} {
		r, err := PlanRecovery(z20(), o)
		require.NoError(t, err)
		text, err := json.MarshalIndent(r, "", "  ")
		require.NoError(t, err)
		for path, got := range map[string]string{name + ".txt": r.String(), name + ".json": string(text) + "\n"} {
			path = filepath.Join("testdata", path)
			if *updateRecovery {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		}
	}
}

func TestRecoveryPlan_Refusals(t *testing.T) {
	five := configAt(1, 1, "a", "b", "c", "d", "e")
	live := func(id, leader raft.ServerID) Node {
		return NodeOf(Reply{ID: id, HasState: true, LastTerm: 1, LastIndex: 2, Servers: five.Servers, ConfigIndex: 1, Leader: leader})
	}
	for name, c := range map[string]struct {
		nodes []Node
		want  error
		says  string
	}{
		"nothing":            {nil, ErrNoSeed, "0 nodes"},
		"all blank":          {[]Node{{ID: "a"}}, ErrNoSeed, "none of 1"},
		"no id":              {[]Node{stored("", 1, 1, five)}, ErrDisagree, "which server is"},
		"F37 two bootstraps": {append(z20(), stored("d", 1, 9, configAt(1, 1, "d", "e"))), ErrDisagree, "two bootstraps"},
		"one id twice":       {append(z20(), stored("a", 1, 9, five)), ErrDisagree, `two nodes claim id "a"`},
		"a stranger":         {append(z20(), stored("z", 1, 2, five)), ErrDisagree, "z is in no list"},
		"a quorum is up":     {[]Node{live("a", ""), live("b", ""), live("c", "")}, ErrHasQuorum, "3 of 5"},
		"it leads":           {[]Node{live("a", "a"), stored("b", 1, 2, five)}, ErrHasQuorum, "a is up and leads"},
		"recovered partly": {[]Node{
			stored("a", 3, 30, Configuration{Index: 1, Servers: listOf("a", "b"), Digest: DigestOf(listOf("a", "b"))}),
			stored("c", 2, 30, configAt(20, 2, "a", "b", "c"), configAt(25, 2, "a", "b", "c", "d")),
		}, ErrDisagree, "a recovery was forced"},
	} {
		_, err := PlanRecovery(c.nodes, RecoveryConfig{Fenced: []raft.ServerID{"a", "b", "c", "d", "e"}})
		require.ErrorIs(t, err, c.want, name)
		require.ErrorContains(t, err, c.says, name)
	}
}

// outageZ20 is z20 on real stores: a alone holds the entry that d, now gone, acknowledged.
func outageZ20(t *testing.T) *world {
	w := newWorld(t)
	ids := []raft.ServerID{"a", "b", "c", "d", "e"}
	w.bootstrap(5, ids...)
	for _, id := range ids {
		d := w.disks[id]
		require.NoError(t, d.logs.StoreLog(&raft.Log{Index: 2, Term: 2, Data: []byte("base")}))
		require.NoError(t, d.stable.SetUint64([]byte("CurrentTerm"), 2))
		if id != "b" && id != "c" {
			require.NoError(t, d.logs.StoreLog(&raft.Log{Index: 3, Term: 3, Data: []byte("acknowledged")}))
			require.NoError(t, d.stable.SetUint64([]byte("CurrentTerm"), 3))
		}
	}
	w.acked = map[uint64]string{2: "base", 3: "acknowledged"}
	return w
}

// Negative control: with the file of the documented procedure, where all vote, the very
// same outage loses an acknowledged write if the wrong server starts first.
func TestGuarantee23_F35_OrderOfStarts(t *testing.T) {
	for _, allVote := range []bool{false, true} {
		lost := 0
		for _, order := range [][]raft.ServerID{{"a", "b", "c"}, {"a", "c", "b"}, {"b", "a", "c"}, {"b", "c", "a"}, {"c", "a", "b"}, {"c", "b", "a"}} {
			synctest.Test(t, func(t *testing.T) {
				w := outageZ20(t)
				plan, err := PlanRecovery([]Node{w.disks["a"].node(t, "a"), w.disks["b"].node(t, "b"), w.disks["c"].node(t, "c")}, RecoveryConfig{AllVote: allVote})
				require.NoError(t, err)
				require.Equal(t, !allVote, plan.Lossless)
				for _, id := range order {
					w.disks[id].recover(t, id, plan.Servers)
				}
				boot := bootOrder
				if allVote {
					boot = bootAllVote
				}
				lost += len(boot(t, w, order, plan, rand.New(rand.NewPCG(1, 1))))
			})
		}
		if allVote {
			require.Positive(t, lost)
		} else {
			require.Zero(t, lost)
		}
	}
}

// bootAllVote starts the servers one by one, and returns what is gone from whoever leads
// in the end.
func bootAllVote(t *testing.T, w *world, order []raft.ServerID, _ Recovery, _ *rand.Rand) []string {
	after := newWorld(t)
	for _, id := range order {
		after.disks[id] = w.disks[id].clone(t)
		after.start(id)
		time.Sleep(5 * time.Second)
		for _, l := range after.leaders() {
			after.write(l)
		}
	}
	time.Sleep(20 * time.Second)
	leaders := after.leaders()
	require.Len(t, leaders, 1)
	return w.lost(after.up[leaders[0]].tape.read())
}

// Negative control of "stop all, write the file on all", research experiment X8: a and b are
// recovered, c is forgotten, and d and e come back although they were given up. Both
// sides acknowledge writes at once. Once the list was re-asserted (X8b), c has it, and
// the old quorum is no more.
func TestGuarantee22_F9_PartialRecoverySplitsTheBrain(t *testing.T) {
	for _, reassert := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			ids := []raft.ServerID{"a", "b", "c", "d", "e"}
			w.bootstrap(5, ids...)
			nodes := []Node{w.disks["a"].node(t, "a"), w.disks["b"].node(t, "b")}
			_, err := PlanRecovery(nodes, RecoveryConfig{})
			require.ErrorIs(t, err, ErrUnfenced, "this is what the plan refuses")
			for _, id := range ids[:2] {
				w.disks[id].recover(t, id, listOf("a", "b", "c"))
			}
			found := Diagnose([]Node{w.disks["a"].node(t, "a"), w.disks["c"].node(t, "c")}, View{})
			require.Contains(t, foundCodes(found), FoundConflict)
			require.Contains(t, foundCodes(found), FoundOldHolders)

			w.start("a")
			w.start("b")
			w.eventually("a or b leads", func() bool { return len(w.leaders()) == 1 })
			leader := w.leaders()[0]
			w.start("c")
			require.NoError(t, w.up[leader].raft.Barrier(time.Second).Error())
			if reassert {
				require.NoError(t, w.up[leader].raft.AddVoter(leader, addressOf(leader), 0, time.Second).Error())
			}
			time.Sleep(5 * time.Second) // c follows
			w.split(func(id raft.ServerID) bool { return id == "a" || id == "b" })
			w.start("d")
			w.start("e")
			time.Sleep(20 * time.Second)
			acknowledged := 0
			for _, l := range w.leaders() {
				if w.up[l].raft.Apply([]byte("x"), time.Second).Error() == nil {
					acknowledged++
				}
			}
			require.Equal(t, map[bool]int{false: 2, true: 1}[reassert], acknowledged)
		})
	}
}

// Half of an even number of voters survives, and yet an acknowledged write is lost: the
// list had grown by one without them. Only a person can know that it had not.
func TestGuarantee23_HalfProvesNothingAboutAListThatGrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bootstrap(2, "a", "b", "c")
		for _, id := range []raft.ServerID{"a", "b", "c"} {
			w.start(id)
		}
		w.eventually("b leads", func() bool {
			l := w.leaders()
			if len(l) == 1 && l[0] == "a" {
				w.awaited(w.up["a"].raft.LeadershipTransfer())
			}
			return len(l) == 1 && l[0] == "b"
		})
		require.NoError(t, w.up["b"].raft.Barrier(time.Second).Error())
		w.split(func(id raft.ServerID) bool { return id == "a" })
		require.NoError(t, w.up["b"].raft.AddVoter("c", addressOf("c"), 0, time.Second).Error(), "within the leader's lease")
		w.write("b")
		time.Sleep(time.Second)
		w.crashAll()
		require.Len(t, w.acked, 1)

		a := []Node{w.disks["a"].node(t, "a")}
		_, err := PlanRecovery(a, RecoveryConfig{})
		require.ErrorIs(t, err, ErrUnfenced)
		plan, err := PlanRecovery(a, RecoveryConfig{Fenced: []raft.ServerID{"b"}})
		require.NoError(t, err)
		require.False(t, plan.Lossless)
		w.disks["a"].recover(t, "a", plan.Servers)
		require.NotEmpty(t, bootOrder(t, w, []raft.ServerID{"a"}, plan, rand.New(rand.NewPCG(1, 1))))
	})
}

func TestUnfencedErrorNamesThem(t *testing.T) {
	err := error(&UnfencedError{Servers: []raft.ServerID{"d", "e"}, Need: 1})
	require.True(t, errors.Is(err, ErrUnfenced))
	require.ErrorContains(t, err, "at least 1 of d, e fenced")
}
