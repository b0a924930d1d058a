// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

// The reconciler on real raft, in virtual time: what it changes, and when it does not.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

// begin is a scene of a bubble.
func begin(t *testing.T, cfg testcluster.Config, conf Config, play func(*testing.T, *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { play(t, newScene(t, cfg, conf)) })
}

// ledBy is the server that leads among some.
func (s *scene) ledBy(ids ...raft.ServerID) *actor {
	for _, id := range ids {
		if r := s.c.Server(id).Raft(); r != nil && r.State() == raft.Leader {
			return s.actor(id)
		}
	}
	return nil
}

func (s *scene) follower() *actor {
	leader := s.leader()
	for _, server := range s.c.Servers() {
		if a := s.actor(server.ID()); a != nil && a != leader {
			return a
		}
	}
	return nil
}

// begun counts the changes that raft was asked for.
func (s *scene) begun() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.records {
		if r.Result == Begun {
			n++
		}
	}
	return n
}

func TestGuarantee25_TheIndexIsProbed(t *testing.T) {
	begin(t, testcluster.Config{}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		leader, follower := s.leader(), s.follower()
		for range 3 {
			index, err := leader.probeIndex(t.Context())
			require.NoError(t, err)
			require.Equal(t, leader.local.indexOf(leader.servers()), index)
			require.Zero(t, leader.Reconciler.raft.GetConfiguration().Index(), "raft tells it: the probe is needless")
			require.NoError(t, leader.Reconciler.raft.AddNonvoter("n9", "n9:8300", index, time.Second).Error())
			require.Error(t, leader.Reconciler.raft.RemoveServer("n9", index, time.Second).Error(), "planned for an older list")
			index, err = leader.probeIndex(t.Context())
			require.NoError(t, err)
			require.NoError(t, leader.Reconciler.raft.RemoveServer("n9", index, time.Second).Error())
		}
		require.Equal(t, "[n1 n2 n3]", listed(leader.servers()), "a probe has changed the list")

		_, err := follower.probeIndex(t.Context())
		require.ErrorIs(t, err, raft.ErrNotLeader)
	})
}

// The words that the probe reads, for the release of raft that this is built with.
func TestGuarantee25_TheWordsOfRaftArePinned(t *testing.T) {
	begin(t, testcluster.Config{Servers: 1}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		err := s.leader().Reconciler.raft.AddNonvoter("n9", "n9:8300", 12345, time.Second).Error()
		require.EqualError(t, err, "configuration changed since 12345 (latest is 1)")
	})
	for words, want := range map[string]uint64{
		"configuration changed since 18446744073709551615 (latest is 7)": 7,
		"configuration changed since 5 (latest is 0)":                    0,
		"configuration changed since 5 (latest is 7) or so":              0,
		"configuration changed since 5 (latest is seven)":                0,
		"configuration has changed since 5 (latest is 7)":                0,
		"": 0,
	} {
		index, ok := latestIn(errors.New(words))
		require.Equal(t, want > 0, ok, words)
		if ok {
			require.Equal(t, want, index)
		}
	}
}

// reworded is a raft whose refusals are worded otherwise.
type reworded struct{ raftServer }

type refusal2 struct{ error }

func (r refusal2) Error() error  { return r.error }
func (r refusal2) Index() uint64 { return 0 }

func (r reworded) AddNonvoter(id raft.ServerID, address raft.ServerAddress, index uint64, d time.Duration) raft.IndexFuture {
	if id == probeID {
		return refusal2{errors.New("the list is another one")}
	}
	return r.raftServer.AddNonvoter(id, address, index, d)
}

func TestGuarantee25_TheIndexIsFoundOtherwise(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		a := s.leader()
		want, err := a.probeIndex(t.Context())
		require.NoError(t, err)
		a = s.rewire(a, func(r *Reconciler) { r.raft = reworded{r.raft} })
		index, err := a.probeIndex(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, index, "from the log")

		a = s.rewire(a, func(r *Reconciler) {
			r.raft, r.local.logs, r.conf.DryRun = reworded{r.raft}, nil, false
		})
		_, err = a.probeIndex(t.Context())
		require.ErrorIs(t, err, ErrNoIndex)
		require.ErrorContains(t, err, "the list is another one")
		s.announce("n4")
		_, err = a.Once(t.Context())
		require.ErrorIs(t, err, ErrNoIndex, "a change that nothing guards")
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))

		a.mark.Store(&mark{index: want, digest: DigestOf(a.servers())})
		index, err = a.probeIndex(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, index, "from our own last change")
		_, err = a.call(Change{Op: AddNonvoter}, 0)
		require.ErrorIs(t, err, ErrNoIndex, "0 switches raft's comparison off")
	})
}

// An isolated leader believes to lead for a while, and sees everybody else dead.
func TestGuarantee25_F33_NoPlanWithoutAProof(t *testing.T) {
	begin(t, testcluster.Config{}, Config{Policy: quick(3), RaftTimeout: time.Second}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		s.isolate(a.id, true)
		planned := s.planned.Load()
		require.Equal(t, raft.Leader, s.c.Server(a.id).Raft().State())
		_, err := a.Once(t.Context())
		require.ErrorContains(t, err, "cannot prove that it leads")
		require.Equal(t, planned, s.planned.Load())
	})
}

func TestGuarantee25_CheckHasTheLastWord(t *testing.T) {
	begin(t, testcluster.Config{}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		a = s.rewire(a, func(r *Reconciler) {
			r.plan = func(st State) Plan {
				victim := st.Servers[slices.IndexFunc(st.Servers, func(m raft.Server) bool { return m.ID != r.self })]
				return Plan{Base: st.ConfigIndex, Next: &Change{Op: Remove, Server: victim, Was: victim, Code: CodeDead}}
			}
		})
		_, err := a.Once(t.Context())
		require.ErrorIs(t, err, ErrUnsafe)
		time.Sleep(20 * time.Second)
		require.Empty(t, s.made())
		require.Zero(t, s.begun())
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
	})
}

// Somebody changes the list between plan and change: the change is refused, and what is
// done next is planned for the new list.
func TestGuarantee25_ComparedAndSwapped(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3), Every: time.Second}, func(t *testing.T, s *scene) {
		a := s.leader()
		meddled := false
		a = s.rewire(a, func(r *Reconciler) {
			plan := r.plan
			r.plan = func(st State) Plan {
				p := plan(st)
				if p.Next != nil && !meddled {
					meddled = true
					if err := r.raft.AddNonvoter("n9", "n9:8300", 0, time.Second).Error(); err != nil {
						t.Error(err)
					}
				}
				return p
			}
		})
		s.announce("n4")
		time.Sleep(5 * time.Second)
		require.Equal(t, "[n1 n2 n3 n4- n9-]", listed(a.servers()))
		s.mu.Lock()
		defer s.mu.Unlock()
		require.Len(t, s.records, 4)
		require.Equal(t, Refused, s.records[1].Result)
		require.Contains(t, s.records[1].Error, "configuration changed since")
		require.Equal(t, Made, s.records[3].Result)
		require.Greater(t, s.records[2].Plan.Base, s.records[0].Plan.Base, "the plan is the old one")
	})
}

// Leadership is lost while a change is under way. Its end is not known, and nobody tries
// again: what follows is decided afresh, here or by another leader.
func TestGuarantee25_F34_AnOpenEndIsNotRetried(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		s.mu.Lock()
		s.onBegun = func() {
			for _, other := range []raft.ServerID{"n1", "n2", "n3", "n4"} {
				if other != a.id {
					_ = s.c.Network().Set(a.id, other, testcluster.Link{BlackHole: true})
				}
			}
		}
		s.mu.Unlock()
		s.announce("n4")
		time.Sleep(30 * time.Second)
		s.mu.Lock()
		s.onBegun = nil
		require.GreaterOrEqual(t, len(s.records), 2)
		require.Equal(t, []any{a.id, AddNonvoter, Open}, []any{s.records[1].Server, s.records[1].Change.Op, s.records[1].Result})
		inputs := map[Digest]bool{}
		for _, r := range s.records {
			if r.Result == Begun {
				require.False(t, inputs[r.Input], "the same decision was carried out twice")
				inputs[r.Input] = true
			}
			require.False(t, r.Server == a.id && r.Time.After(s.records[1].Time), "it went on without a proof")
		}
		s.mu.Unlock()
		s.c.Heal()
		s.becomes(time.Minute, "[n1 n2 n3 n4-]")
	})
}

// silent is a raft that takes a change and never answers.
type silent struct {
	raftServer
	calls  *atomic.Int32
	answer chan struct{}
}

type unanswered struct{ answer chan struct{} }

func (u unanswered) Error() error { <-u.answer; return raft.ErrLeadershipLost }
func (unanswered) Index() uint64  { return 0 }

func (s silent) AddNonvoter(id raft.ServerID, address raft.ServerAddress, index uint64, d time.Duration) raft.IndexFuture {
	if id == probeID {
		return s.raftServer.AddNonvoter(id, address, index, d)
	}
	s.calls.Add(1)
	return unanswered{s.answer}
}

func TestGuarantee25_NeverTwoInFlight(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3), RaftTimeout: time.Second}, func(t *testing.T, s *scene) {
		a := s.leader()
		var calls atomic.Int32
		answer := make(chan struct{})
		a = s.rewire(a, func(r *Reconciler) {
			r.raft = silent{r.raft, &calls, answer}
		})
		s.announce("n4")
		time.Sleep(time.Minute)
		require.Equal(t, int32(1), calls.Load())
		require.ErrorIs(t, a.Status().Err, errInFlight)
		require.Equal(t, []string{theChange}, a.Status().Outstanding)
		close(answer)
		time.Sleep(10 * time.Second)
		require.Greater(t, calls.Load(), int32(1), "it never looked again")
	})
}

func TestGuarantee25_OnlyALeaderChanges(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		follower := s.follower()
		time.Sleep(time.Second) // it hears who leads
		_, err := follower.Once(t.Context())
		require.ErrorIs(t, err, raft.ErrNotLeader)
		require.ErrorContains(t, err, string(s.leader().id), "whom to ask")
		s.announce("n4")
		s.becomes(20*time.Second, "[n1 n2 n3 n4]")
		leader := s.ledBy("n1", "n2", "n3").id
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.records {
			require.Equal(t, leader, r.Server)
		}
		require.Equal(t, []Op{AddNonvoter, Promote}, []Op{s.records[0].Change.Op, s.records[2].Change.Op})
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.announce("n4")
		time.Sleep(20 * time.Second)
		plan, err := a.Once(t.Context())
		require.NoError(t, err)
		require.Equal(t, AddNonvoter, plan.Next.Op)
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
		require.Zero(t, s.begun())
		_, err = a.Leave(t.Context(), a.id)
		require.ErrorContains(t, err, "DryRun")
	})
}

// A list that is as it should be costs no entry of the log.
func TestConvergedWritesNothing(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0), Every: 500 * time.Millisecond}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.announce("n4")
		s.becomes(20*time.Second, "[n1 n2 n3 n4]")
		last, looked := a.Reconciler.raft.LastIndex(), a.Status().Looked
		time.Sleep(2 * time.Minute)
		require.Equal(t, last, a.Reconciler.raft.LastIndex())
		require.Greater(t, a.Status().Looked.Sub(looked), 100*time.Second, "it has stopped looking")
	})
}

// A server is at another address after a reboot, or without one. It is followed, and no
// vote and no quorum changes.
func TestF13_AnAddressIsFollowed(t *testing.T) {
	for _, live := range []bool{true, false} {
		cfg := testcluster.Config{Addresses: func(raft.ServerID) raft.ServerAddressProvider { return nobodyKnows{} }}
		begin(t, cfg, Config{Policy: quick(3), Every: time.Second}, func(t *testing.T, s *scene) {
			moved := s.follower()
			s.becomes(10*time.Second, "[n1 n2 n3]")
			if !live {
				s.crash(moved.id)
			}
			s.move(moved.id, "10.0.0.7:8300")
			if !live {
				s.restart(moved.id)
			}
			s.becomes(20*time.Second, "[n1 n2 n3]")
			require.Contains(t, s.made(), "readdress "+string(moved.id))
			require.Len(t, s.made(), 1)
			require.NoError(t, s.c.Converged(t.Context()))
		})
	}
}

type nobodyKnows struct{}

func (nobodyKnows) ServerAddr(raft.ServerID) (raft.ServerAddress, error) {
	return "", errors.New("not known")
}

// All servers return with new addresses. Discovery says where they are, by id: so they
// elect, and then the list is mended one by one. Without it they never elect.
func TestF14_AllAddressesChange(t *testing.T) {
	restart := func(s *scene) {
		s.leader()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		for _, id := range []raft.ServerID{"n1", "n2", "n3"} {
			s.crash(id)
			s.move(id, "moved-"+s.c.Server(id).Address())
		}
		for _, id := range []raft.ServerID{"n1", "n2", "n3"} {
			s.restart(id)
		}
	}
	begin(t, testcluster.Config{}, Config{Policy: quick(3), DryRun: racing}, func(t *testing.T, s *scene) {
		restart(s)
		begun := time.Now()
		a := s.leader()
		require.Less(t, time.Since(begun), 5*time.Second)
		if racing {
			time.Sleep(10 * time.Second)
			require.Equal(t, Readdress, a.Status().Plan.Next.Op)
			return
		}
		s.becomes(20*time.Second, "[n1 n2 n3]")
		made := s.made()
		slices.Sort(made)
		require.Equal(t, []string{"readdress n1", "readdress n2", "readdress n3"}, made)
		require.NoError(t, s.c.Converged(t.Context()))
	})
	control := testcluster.Config{Addresses: func(raft.ServerID) raft.ServerAddressProvider { return nobodyKnows{} }}
	begin(t, control, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		restart(s)
		_, err := s.c.Leader(t.Context())
		require.Error(t, err, "the control elects without knowing addresses")
	})
}

// A server that was bootstrapped by itself is announced as one of ours. Joined, it would
// keep another history at the same indexes, without an error (X9c).
func TestF10_ABootstrappedServerIsNotJoined(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		s.leader()
		alone := s.c.Server("n4")
		require.NoError(t, alone.Raft().BootstrapCluster(raft.Configuration{Servers: []raft.Server{{ID: "n4", Address: alone.Address()}}}).Error())
		s.announce("n4")
		time.Sleep(30 * time.Second)
		a := s.ledBy("n1", "n2", "n3")
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
		require.Zero(t, s.begun())
		require.True(t, slices.ContainsFunc(a.Status().Plan.Blocked, func(b Blocked) bool {
			return b.Code == CodeForeign && b.Change.Server.ID == "n4"
		}), "%+v", a.Status().Plan)
	})
}

// A join without a quorum is refused at once and says why, where others hang.
func TestF19_JoinWithoutAQuorum(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		a := s.leader()
		for _, id := range []raft.ServerID{"n1", "n2", "n3"} {
			if id != a.id {
				s.crash(id)
			}
		}
		s.announce("n4")
		time.Sleep(5 * time.Second)
		asked := time.Now()
		_, err := a.Once(t.Context())
		require.ErrorIs(t, err, raft.ErrNotLeader)
		require.ErrorContains(t, err, "no server leads")
		findings := a.Status().Findings
		require.Zero(t, time.Since(asked))
		require.True(t, slices.ContainsFunc(findings, func(f Finding) bool { return f.Code == CodeNoLeader && f.Severity == Critical }))
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
	})
}

// Discovery shows a server as alive where nobody answers. raft's own call would end a group
// of one for good, and one of three with a server down; here nobody is even added.
func TestF27_ABadAddIsHarmless(t *testing.T) {
	for _, n := range []int{1, 3} {
		begin(t, testcluster.Config{Servers: n}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
			a := s.leader()
			if n == 3 {
				s.crash(s.follower().id)
			}
			s.mu.Lock()
			dead := Member{ID: "n9", Address: "n9:8300", Health: Alive, Since: time.Now().Add(-time.Hour)}
			s.members["n9"] = dead
			for by := range s.seen {
				s.seen[by]["n9"] = dead
			}
			s.mu.Unlock()
			time.Sleep(30 * time.Second)
			require.Zero(t, s.begun())
			require.NotContains(t, listed(a.servers()), "n9")
			_, err := s.c.Apply(t.Context(), []byte("goes on"))
			require.NoError(t, err)
		})
	}
}

func TestF27_ControlE4X16_AddVoterOfADeadServer(t *testing.T) {
	for _, n := range []int{1, 3} {
		begin(t, testcluster.Config{Servers: n}, Config{DryRun: true}, func(t *testing.T, s *scene) {
			a := s.leader()
			if n == 3 {
				s.crash(s.follower().id)
			}
			a.Reconciler.raft.AddVoter("n9", "n9:8300", 0, time.Second)
			time.Sleep(10 * time.Second)
			for _, server := range s.c.Servers() {
				if b := s.actor(server.ID()); b != nil && (n == 1 || b != a) {
					s.crash(b.id)
					s.restart(b.id)
				}
			}
			_, err := s.c.Leader(t.Context())
			require.Error(t, err, "%d servers survive the add of a dead voter: this control controls nothing", n)
		})
	}
}

// A dead voter is removed where that gains something and not before both witnesses have
// missed it for long enough.
func TestDeadVoterIsRemoved(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4}, Config{Policy: quick(3), Every: time.Second}, func(t *testing.T, s *scene) {
		dead := s.follower()
		s.becomes(15*time.Second, "[n1 n2 n3 n4]")
		s.crash(dead.id)
		begun := time.Now()
		for len(s.made()) == 0 && time.Since(begun) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, []string{"remove " + string(dead.id)}, s.made())
		require.InDelta(t, 5, time.Since(begun).Seconds(), 1.2, "DeadAfter and a look")
	})
}

// Every change is audited: before and after, with what was known and decided.
func TestGuarantee27_F31_TheAuditTellsWhoChangedWhat(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.announce("n4")
		s.becomes(20*time.Second, "[n1 n2 n3 n4]")
		require.NoError(t, a.Reconciler.raft.DemoteVoter("n4", 0, time.Second).Error(), "by a stranger's hand")
		byHand := a.Reconciler.raft.LastIndex()
		s.becomes(20*time.Second, "[n1 n2 n3 n4]")

		s.mu.Lock()
		defer s.mu.Unlock()
		lines := strings.Split(strings.TrimSpace(s.audit.String()), "\n")
		require.Len(t, lines, 6, "add, promote, and promote again; before and after")
		for i, line := range lines {
			var r struct {
				Server raft.ServerID
				Term   uint64
				Input  Digest
				Plan   struct{ Base uint64 }
				Change struct {
					Op, Code string
				}
				Result    Result
				Index     uint64
				Confirmed bool
			}
			require.NoError(t, json.Unmarshal([]byte(line), &r), line)
			require.Equal(t, a.id, r.Server)
			require.False(t, r.Input.IsZero())
			require.Equal(t, []string{"add", "promote", "promote"}[i/2], r.Change.Op)
			if i%2 == 0 {
				require.Equal(t, Begun, r.Result)
				continue
			}
			require.Equal(t, Made, r.Result)
			require.True(t, r.Confirmed)
			require.Greater(t, r.Index, r.Plan.Base)
			if i == 5 {
				require.Equal(t, byHand, r.Plan.Base, "whose list it was that was mended")
			}
		}
	})
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestGuarantee27_NoAuditNoChange(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)}, func(t *testing.T, s *scene) {
		a := s.leader()
		a = s.rewire(a, func(r *Reconciler) {
			r.conf.Audit = fullDisk{}
		})
		s.announce("n4")
		time.Sleep(20 * time.Second)
		require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
		require.ErrorContains(t, a.Status().Err, "disk full")
	})
}

// What hangs, fails or panics costs looks, until it does not any more.
func TestGuarantee28_CallbacksThatMisbehave(t *testing.T) {
	for name, misbehave := range map[string]func(context.Context, chan struct{}) error{
		"obeys":  func(ctx context.Context, _ chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"hangs":  func(_ context.Context, over chan struct{}) error { <-over; return errors.New("late") },
		"panics": func(context.Context, chan struct{}) error { panic("boo") },
		"fails":  func(context.Context, chan struct{}) error { return errors.New("no") },
	} {
		begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
			a := s.leader()
			over := make(chan struct{})
			s.becomes(10*time.Second, "[n1 n2 n3]")
			a = s.rewire(a, func(r *Reconciler) {
				view := r.source
				r.source = source(func(ctx context.Context) (View, error) {
					if !isClosed(over) {
						return View{}, misbehave(ctx, over)
					}
					return view.View(ctx)
				})
			})
			s.announce("n4")
			time.Sleep(30 * time.Second)
			require.Zero(t, s.begun(), name)
			require.Error(t, a.Status().Err, name)
			require.LessOrEqual(t, len(a.Status().Outstanding), 1, "a hang costs one goroutine")
			close(over)
			s.becomes(20*time.Second, "[n1 n2 n3 n4-]")

			again := make(chan struct{})
			a = s.rewire(a, func(r *Reconciler) {
				probe := r.prober
				r.prober = prober(func(ctx context.Context, target raft.Server) (Reply, error) {
					if !isClosed(again) {
						return Reply{}, misbehave(ctx, again)
					}
					return probe.Probe(ctx, target)
				})
			})
			time.Sleep(30 * time.Second)
			require.Len(t, s.made(), 1, name)
			asking := slices.DeleteFunc(a.Status().Outstanding, func(name string) bool { return !strings.Contains(name, "prober") })
			require.LessOrEqual(t, len(asking), 3, "one for each server that is asked")
			close(again)
			time.Sleep(10 * time.Second)
			require.NoError(t, a.Status().Err, name)
		})
	}
}

// Run names what does not come back.
func TestRunNamesWhatHangs(t *testing.T) {
	begin(t, testcluster.Config{Servers: 1}, Config{}, func(t *testing.T, s *scene) {
		a := s.leader()
		over := make(chan struct{})
		a = s.rewire(a, func(r *Reconciler) {
			r.source = source(func(context.Context) (View, error) { <-over; return View{}, nil })
		})
		time.Sleep(20 * time.Second)
		stopped := time.Now()
		a.stop()
		<-a.done
		require.Equal(t, time.Second, time.Since(stopped), "Config.Grace")
		require.ErrorContains(t, a.ended, `"the source"`)
		require.ErrorContains(t, a.Run(t.Context()), "called before")
		close(over)
	})
}

func TestRunEndsWithRaft(t *testing.T) {
	begin(t, testcluster.Config{}, Config{}, func(t *testing.T, s *scene) {
		a := s.leader()
		require.NoError(t, s.c.Server(a.id).Crash(t.Context()))
		<-a.done
		require.ErrorIs(t, a.ended, raft.ErrRaftShutdown)
	})
}

// A view that shows three of nine voters, all of which answer.
func TestGuarantee28_APartialViewRemovesNobody(t *testing.T) {
	const shown = "[n1 n2 n3 n4 n5 n6 n7 n8 n9]"
	begin(t, testcluster.Config{Servers: 9}, Config{Policy: quick(5)}, func(t *testing.T, s *scene) {
		a := s.leader()
		s.becomes(10*time.Second, shown)
		var others []raft.ServerID
		for _, server := range s.c.Servers() {
			if server.ID() != a.id && len(others) < 6 {
				others = append(others, server.ID())
			}
		}
		s.hide(others...)
		time.Sleep(time.Minute)
		require.Equal(t, shown, listed(s.leader().servers()))
		require.Zero(t, s.begun())
	})
	// raft-autopilot's rule for servers that discovery does not show: remove them. Its
	// caps count those that are shown (reconcile.go, adjudicateRemoval).
	begin(t, testcluster.Config{Servers: 9}, Config{DryRun: true}, func(t *testing.T, s *scene) {
		a := s.leader()
		view := map[raft.ServerID]bool{a.id: true, s.follower().id: true}
		for _, server := range s.c.Servers() {
			if len(view) < 3 {
				view[server.ID()] = true
			}
		}
		removed := 0
		for _, m := range a.servers() {
			if !view[m.ID] {
				require.NoError(t, a.Reconciler.raft.RemoveServer(m.ID, 0, time.Second).Error())
				removed++
			}
		}
		require.Equal(t, 6, removed, "the control")
		require.Len(t, a.servers(), 3)
	})
}

// Whatever the view says of them, of one or of all, for however long, and whether the
// prober gets an answer or not: who answers raft stays.
func TestGuarantee28_NobodyWhoAnswersIsRemoved(t *testing.T) {
	for _, health := range []Health{Failed, Left, Leaving, Unknown} {
		for _, all := range []bool{false, true} {
			begin(t, testcluster.Config{Servers: 4}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
				a, victim := s.leader(), s.follower().id
				a = s.rewire(a, func(r *Reconciler) {
					accused := func(id raft.ServerID) bool { return id == victim || all && id != r.self }
					view, probe := r.source, r.prober
					r.source = source(func(ctx context.Context) (View, error) {
						v, err := view.View(ctx)
						for i, m := range v.Members {
							if accused(m.ID) {
								v.Members[i].Health, v.Members[i].Since = health, time.Now().Add(-time.Hour)
							}
						}
						return v, err
					})
					r.prober = prober(func(ctx context.Context, server raft.Server) (Reply, error) {
						if accused(server.ID) {
							return Reply{}, errors.New("no reply")
						}
						return probe.Probe(ctx, server)
					})
				})
				time.Sleep(45 * time.Second)
				require.Equal(t, "[n1 n2 n3 n4]", listed(a.servers()), "%v", health)
				require.Zero(t, s.begun())
				require.Less(t, time.Since(a.Status().Looked), 10*time.Second, "it has stopped looking")
			})
		}
	}
}

// A raft that only the transport's timeout tells of: until then the prober keeps a
// server in a black hole from being counted on.
func TestGuarantee28_ABlackHoleIsNotCountedOn(t *testing.T) {
	begin(t, testcluster.Config{}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
		a, gone := s.leader(), s.follower()
		s.becomes(10*time.Second, "[n1 n2 n3]")
		require.NoError(t, s.c.Network().Set(a.id, gone.id, testcluster.Link{BlackHole: true}))
		plan, err := a.Once(t.Context())
		require.NoError(t, err)
		require.Equal(t, Tally{Voters: 3, Live: 2}, plan.Tally)
	})
}

func TestNewRefuses(t *testing.T) {
	begin(t, testcluster.Config{Servers: 1}, Config{}, func(t *testing.T, s *scene) {
		r, local := s.c.Server("n1").Raft(), NewLocal("n1", "n1:8300", "ours")
		src, prb := s.sourceOf("n1"), s.proberOf("n1")
		for want, try := range map[string]func() (*Reconciler, error){
			"the raft is nil":   func() (*Reconciler, error) { return New(nil, local, src, prb, Config{}) },
			"local is nil":      func() (*Reconciler, error) { return New(r, nil, src, prb, Config{}) },
			"the source is nil": func() (*Reconciler, error) { return New(r, local, nil, prb, Config{}) },
			"the prober is nil": func() (*Reconciler, error) { return New(r, local, src, nil, Config{}) },
			"of another cluster": func() (*Reconciler, error) {
				return New(r, local, src, prb, Config{Policy: Policy{ClusterID: "theirs"}})
			},
			"local has no id":      func() (*Reconciler, error) { return New(r, NewLocal("", "", ""), src, prb, Config{}) },
			"Config.Every is -1ns": func() (*Reconciler, error) { return New(r, local, src, prb, Config{Every: -1}) },
			"Config.Probes is -1":  func() (*Reconciler, error) { return New(r, local, src, prb, Config{Probes: -1}) },
			"its directory": func() (*Reconciler, error) {
				return New(r, local, src, prb, Config{Journal: "/nowhere/at/all/journal"})
			},
		} {
			_, err := try()
			require.ErrorContains(t, err, want)
		}
		a := s.actor("n1")
		_, err := a.Once(nil) //nolint:staticcheck // that is the test
		require.Error(t, err)
	})
}

// An empty view, and one that has an id twice, change nothing and are named.
func TestViewsThatAreWrong(t *testing.T) {
	for want, view := range map[string]View{
		"empty":     {Warm: true},
		"duplicate": {Warm: true, Members: []Member{{ID: "n4", Address: "n4:8300", Health: Alive}, {ID: "n4", Address: "n5:8300", Health: Alive}}},
		"many":      {Warm: true, Members: slices.Repeat([]Member{{ID: "n4", Health: Alive}}, maxMembers+1)},
	} {
		begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3)}, func(t *testing.T, s *scene) {
			a := s.leader()
			a = s.rewire(a, func(r *Reconciler) {
				r.source = source(func(context.Context) (View, error) { return view, nil })
			})
			time.Sleep(30 * time.Second)
			require.Zero(t, s.begun(), want)
			require.Equal(t, "[n1 n2 n3]", listed(a.servers()))
			said := fmt.Sprint(a.Status().Findings, a.Status().Err)
			require.True(t, map[string]bool{
				"empty":     strings.Contains(said, "shows nobody"),
				"duplicate": strings.Contains(said, string(CodeDuplicate)),
				"many":      strings.Contains(said, "1001 members"),
			}[want], "%s: %s", want, said)
		})
	}
}

// hinting is a source that tells of changes.
type hinting struct {
	source
	changes chan struct{}
}

func (h hinting) Changes() <-chan struct{} { return h.changes }

// A hint wakes it, a crowd of hints wakes it once, and a channel that is closed ends them.
func TestHintsWake(t *testing.T) {
	begin(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(3), Every: time.Hour}, func(t *testing.T, s *scene) {
		changes := make(chan struct{})
		a := s.leader()
		s.rewire(a, func(r *Reconciler) { r.source = hinting{s.sourceOf(r.self), changes} })
		s.announce("n4")
		time.Sleep(time.Minute)
		require.Zero(t, s.begun())
		before := s.planned.Load()
		changes <- struct{}{}
		time.Sleep(time.Second)
		require.Equal(t, []string{"add n4"}, s.made())
		for range 100 {
			select {
			case changes <- struct{}{}:
			default:
			}
			time.Sleep(5 * time.Millisecond)
		}
		close(changes)
		time.Sleep(time.Minute)
		require.Less(t, s.planned.Load(), before+20)
	})
}
