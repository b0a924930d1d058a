// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

// quick makes the policy's times short: 50 ms between looks, 600 ms for a dead server,
// 6 s for a forgotten one.
const quick = 6 * time.Second

// seenBy is a server's /status.
type seenBy struct {
	Leader  string
	Servers []string // "id address suffrage"
	Plan    []string
}

func (p *process) status(ctx context.Context) (s seenBy, err error) {
	a, err := p.send(ctx, "GET", "/status", "")
	if err != nil || a.code != http.StatusOK {
		return s, errors.Join(err, errors.New(a.body))
	}
	return s, json.Unmarshal([]byte(a.body), &s)
}

// lines are a group that all vote, as a status has it.
func (g group) lines() (lines []string) {
	for _, p := range g {
		lines = append(lines, fmt.Sprintf("%s %s voter", p.id, p.raft))
	}
	return lines
}

// sees waits until a server of the group sees, in a list and plan, what ok likes.
func (g group) sees(ctx context.Context, t *testing.T, ok func(seenBy) bool) {
	t.Helper()
	last := ""
	poll(ctx, t, func() string { return last }, func() bool {
		last = ""
		for _, p := range g {
			s, err := p.status(ctx)
			last += fmt.Sprintf("%s: %+v %v\n", p.id, s, err)
			if err == nil && ok(s) {
				return true
			}
		}
		return false
	})
}

// voting waits until everybody's list is the group, with a vote for each.
func (g group) voting(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, p := range g {
		group{p}.sees(ctx, t, func(s seenBy) bool { return sameLines(s.Servers, g.lines()) })
	}
}

func sameLines(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// stop ends all servers at once.
func (g group) stop(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, p := range g {
		p.signal(t, syscall.SIGTERM)
	}
	for _, p := range g {
		require.Zero(t, p.exit(ctx, t))
	}
}

func (g group) start(t *testing.T) {
	t.Helper()
	for _, p := range g {
		p.start(t)
	}
}

// fill has the group acknowledge writes.
func (g group) fill(ctx context.Context, t *testing.T, name string) (acked []string) {
	t.Helper()
	for i := range 20 {
		key := fmt.Sprint(name, i)
		g.put(ctx, t, key, key)
		acked = append(acked, key)
	}
	return acked
}

// hold waits until all servers have all keys.
func (g group) hold(ctx context.Context, t *testing.T, acked []string) {
	t.Helper()
	for _, p := range g {
		for _, key := range acked {
			p.holds(ctx, t, key, key)
		}
	}
}

// Every server of the group is told to leave at once, as when all are restarted in
// parallel: where each had its way, nobody was left in the list, and no leader was
// ever elected again. Here two stay in it at least, and who left comes back.
func TestAllLeaveAtOnceAndAreStartedAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := startGroup(t, 3, "-leave", "-voters", "3", "-forget", quick.String())
	acked := g.fill(ctx, t, "before")
	g.stop(ctx, t)
	for _, node := range inspect(ctx, t, g...) {
		newest := node.Configs[len(node.Configs)-1]
		require.GreaterOrEqual(t, len(newest.Servers), 2, "the list of %s, at index %d, hangs on one disk", node.ID, newest.Index)
	}

	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	began := time.Now()
	g.start(t)
	leader := g.leader(soon, t)
	t.Logf("%s leads after %v", leader.id, time.Since(began))
	g.voting(ctx, t)
	g.hold(ctx, t, append(acked, g.fill(ctx, t, "after")...))
}

// One that leaves alone is out of the list when it stops, is not missed, and is
// taken in again when it comes back.
func TestOneLeaves(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := startGroup(t, 3, "-leave", "-voters", "3", "-forget", quick.String())
	g.fill(ctx, t, "before")
	leader := g.leader(ctx, t)
	group{leader}.stop(ctx, t)
	stay := g.but(leader)
	stay.voting(ctx, t)
	acked := stay.fill(ctx, t, "without")

	leader.start(t)
	g.voting(ctx, t)
	g.hold(ctx, t, acked)
}

// A server loses its disk, and with it its votes. It says so, and does not vote again
// before its vote was taken away and it has everything.
func TestDiskIsLost(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := startGroup(t, 3, "-voters", "3", "-forget", quick.String())
	acked := g.fill(ctx, t, "before")
	blank := g.but(g.leader(ctx, t))[0]
	blank.kill(ctx, t)
	require.NoError(t, os.RemoveAll(blank.dir))
	blank.start(t)
	waits := "lost its state and must not vote"
	blank.until(ctx, t, "/health", func(a answered) bool { return a.code == 503 && strings.Contains(a.body, waits) })
	g.voting(ctx, t)
	g.hold(ctx, t, append(acked, g.fill(ctx, t, "after")...))
	require.Contains(t, blank.out.take(), "as a nonvoter: it starts blank")
}

// A server dies, and discovery forgets it. Its entry stays while removing it gains
// nothing; when another takes its place, it goes. In no list on the way
// does the quorum depend on it.
func TestGhostIsReplaced(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	flags := []string{"-voters", "3", "-forget", "2s"}
	g := startGroup(t, 3, flags...)
	acked := g.fill(ctx, t, "before")
	ghost := g.but(g.leader(ctx, t))[0]
	ghost.kill(ctx, t)
	live := g.but(ghost)
	live.listed(t)
	live.sees(ctx, t, func(s seenBy) bool { // nothing is gained without it
		return strings.Contains(strings.Join(s.Plan, "\n"), string(peers.CodeParity)) && sameLines(s.Servers, g.lines())
	})

	fresh := newProcess(t, filepath.Dir(ghost.dir), "d", append(flags, "-join")...)
	live = append(live, fresh)
	live.listed(t)
	fresh.start(t)
	live.sees(ctx, t, func(s seenBy) bool {
		voters, up := 0, 0
		for _, line := range s.Servers {
			if strings.HasSuffix(line, " voter") {
				voters++
				if !strings.HasPrefix(line, ghost.id) {
					up++
				}
			}
		}
		require.True(t, len(s.Servers) == 0 || up > voters/2, s.Servers)
		return sameLines(s.Servers, live.lines())
	})
	live.voting(ctx, t)
	live.hold(ctx, t, append(acked, live.fill(ctx, t, "after")...))

	ghost.start(t)
	require.Equal(t, 1, ghost.exit(ctx, t))
	require.Contains(t, ghost.out.take(), `-id "`+ghost.id+`" is not in`)
}

// A server comes back at another address, and then all do: discovery says where, the
// list follows, and nobody edits a file of raft.
func TestAddressesChange(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := startGroup(t, 3, "-forget", quick.String())
	acked := g.fill(ctx, t, "before")
	for _, moved := range []group{g.but(g.leader(ctx, t))[:1], g} {
		moved.stop(ctx, t)
		for i, addr := range freeAddrs(t, len(moved)) {
			moved[i].raft = addr
			moved[i].args = append(moved[i].args, "-raft", addr) // the last one counts
		}
		g.listed(t)
		moved.start(t)
		g.voting(ctx, t)
		acked = append(acked, g.fill(ctx, t, "at "+moved[0].raft)...)
	}
	g.hold(ctx, t, acked)
	to := g.but(g.leader(ctx, t))[0]
	poll(ctx, t, func() string { return "nobody hands over" }, func() bool { // raft may refuse
		a, err := g.leader(ctx, t).send(ctx, "POST", "/transfer?to="+url.QueryEscape(to.id), "")
		return err == nil && a.code == http.StatusOK
	})
	to.healthy(ctx, t, "ready")
}

// Two of three servers are lost for good. What is planned from the third one's directory
// says that writes may be gone, starts it alone, and lets others join.
func TestOutageIsRecovered(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	flags := []string{"-voters", "3", "-forget", quick.String()}
	g := startGroup(t, 3, append(flags, "-allow-single")...)
	acked := g.fill(ctx, t, "before")
	last := g.leader(ctx, t)
	group{last}.hold(ctx, t, acked)
	for _, p := range g {
		p.kill(ctx, t)
	}
	lost := g.but(last)

	_, err := peers.PlanRecovery(inspect(ctx, t, last), peers.RecoveryConfig{})
	require.ErrorIs(t, err, peers.ErrUnfenced)
	plan, err := peers.PlanRecovery(inspect(ctx, t, last, lost[0]), peers.RecoveryConfig{})
	require.NoError(t, err)
	require.True(t, plan.Lossless, "two of three hold whatever was acknowledged:\n%s", plan)
	plan, err = peers.PlanRecovery(inspect(ctx, t, last), peers.RecoveryConfig{
		Fenced: []raft.ServerID{raft.ServerID(lost[0].id), raft.ServerID(lost[1].id)},
	})
	require.NoError(t, err)
	require.False(t, plan.Lossless, "the other two may have acknowledged more:\n%s", plan)
	require.EqualValues(t, last.id, plan.Seed)

	_, err = peers.WritePeers(filepath.Join(last.dir, "peers.json"), peers.File{Servers: plan.Servers})
	require.NoError(t, err)
	fresh := newProcess(t, filepath.Dir(last.dir), "d", append(flags, "-join")...)
	now := group{last, fresh}
	now.listed(t)
	now.start(t)
	now.voting(ctx, t)
	now.hold(ctx, t, append(acked, now.fill(ctx, t, "after")...))
	require.NoFileExists(t, filepath.Join(last.dir, "peers.json"))
}

// inspect reads the directories of servers that do not run.
func inspect(ctx context.Context, t *testing.T, stopped ...*process) (nodes []peers.Node) {
	t.Helper()
	for _, p := range stopped {
		node, err := peers.Inspect(ctx, p.dir, peers.InspectConfig{})
		require.NoError(t, err)
		node.ID = raft.ServerID(p.id) // which no store holds
		nodes = append(nodes, node)
	}
	return nodes
}
