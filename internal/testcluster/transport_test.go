// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// wirePair is two transports with a main loop of our own behind the second.
type wirePair struct {
	net    *Network
	counts counters
	from   *transport
	to     *transport
	got    chan raft.RPC // what the second server's main loop took
}

func pair(t *testing.T, cfg Config) *wirePair {
	cfg.Servers = 2
	p := &wirePair{got: make(chan raft.RPC, 100)}
	p.net = newNetwork(cfg.withDefaults(), []raft.ServerID{"n1", "n2"}, &p.counts, func(bool, raft.ServerID, string) {})
	p.from, p.to = newTransport(p.net, 0), newTransport(p.net, 1)
	p.net.attach(0, p.from)
	p.net.attach(1, p.to)
	p.to.spawn(func() {
		for {
			select {
			case rpc := <-p.to.rpcs:
				p.got <- rpc
				rpc.RespChan <- raft.RPCResponse{Response: &raft.AppendEntriesResponse{Term: 7}}
			case <-p.to.off:
				return
			}
		}
	})
	t.Cleanup(func() {
		for _, x := range []*transport{p.from, p.to} {
			x.detach()
			x.wait()
		}
	})
	return p
}

// append sends an AppendEntries and says how long the call took.
func (p *wirePair) append(req raft.AppendEntriesRequest) (time.Duration, error) {
	start := time.Now()
	var resp raft.AppendEntriesResponse
	err := p.from.AppendEntries("n2", addressOf("n2"), &req, &resp)
	if err == nil && resp.Term != 7 {
		panic("response was not copied")
	}
	return time.Since(start), err
}

func (p *wirePair) set(t *testing.T, l Link) {
	require.NoError(t, p.net.Set("n1", "n2", l))
}

func TestLinkPerfect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		took, err := p.append(raft.AppendEntriesRequest{Term: 3})
		require.NoError(t, err)
		require.Zero(t, took)
		require.Equal(t, uint64(3), (<-p.got).Command.(*raft.AppendEntriesRequest).Term)
		require.Empty(t, p.counts.counts())
	})
}

func TestLinkDelayGoesBothWaysByDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{MinDelay: 30 * time.Millisecond, MaxDelay: 40 * time.Millisecond})
		require.NoError(t, p.net.Set("n2", "n1", Link{MinDelay: 5 * time.Millisecond}))
		took, err := p.append(raft.AppendEntriesRequest{})
		require.NoError(t, err)
		require.GreaterOrEqual(t, took, 35*time.Millisecond)
		require.LessOrEqual(t, took, 45*time.Millisecond)
		require.Equal(t, uint64(2), p.counts.counts()[Delay].Fired)
	})
}

func TestLinkReorders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{MaxDelay: 50 * time.Millisecond})
		for term := range uint64(20) {
			go func() { _, _ = p.append(raft.AppendEntriesRequest{Term: term + 1}) }()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		var terms []uint64
		for range 20 {
			terms = append(terms, (<-p.got).Command.(*raft.AppendEntriesRequest).Term)
		}
		require.False(t, slices.IsSorted(terms))
	})
}

func TestLinkDropLosesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{Drop: 1})
		_, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrInjected)
		require.Empty(t, p.got)
		require.Equal(t, Count{Requested: 1, Fired: 1}, p.counts.counts()[Drop])
	})
}

func TestLinkDropResponseExecutesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{DropResponse: 1})
		_, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrInjected)
		require.Len(t, p.got, 1)
		require.Equal(t, Count{Requested: 1, Fired: 1}, p.counts.counts()[DropResponse])
	})
}

func TestLinkDuplicateDeliversItsOwnCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{Duplicate: 1, MaxDelay: time.Millisecond})
		_, err := p.append(raft.AppendEntriesRequest{Term: 5})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Len(t, p.got, 2)
		first, second := (<-p.got).Command.(*raft.AppendEntriesRequest), (<-p.got).Command.(*raft.AppendEntriesRequest)
		require.NotSame(t, first, second)
		require.Equal(t, first, second)
		require.Equal(t, uint64(1), p.counts.counts()[Duplicate].Fired)
	})
}

func TestLinkCutFailsAtOnceAndOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{Cut: true})
		took, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrInjected)
		require.Zero(t, took)
		require.Empty(t, p.got)

		require.NoError(t, p.net.Set("n1", "n2", Link{}))
		require.NoError(t, p.net.Set("n2", "n1", Link{Cut: true}))
		_, err = p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrInjected)
		require.Len(t, p.got, 1, "the way there is open")
	})
}

func TestLinkCutKillsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{MinDelay: time.Second})
		go func() {
			time.Sleep(time.Second / 2)
			p.set(t, Link{Cut: true})
		}()
		_, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrInjected)
		require.Empty(t, p.got)
	})
}

func TestBlackHoleHoldsTheCallUntilTimeoutHealOrClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{RPCTimeout: 10 * time.Second})
		p.set(t, Link{BlackHole: true})
		took, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, errTimeout)
		require.Equal(t, 10*time.Second, took)

		time.AfterFunc(3*time.Second, p.net.Heal)
		took, err = p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, errSwallow, "what was swallowed stays lost")
		require.Equal(t, 3*time.Second, took)

		p.set(t, Link{BlackHole: true})
		time.AfterFunc(2*time.Second, p.from.detach)
		took, err = p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrDown)
		require.Equal(t, 2*time.Second, took)
		require.Empty(t, p.got)
		require.Equal(t, Count{Requested: 2, Fired: 3}, p.counts.counts()[BlackHole])
	})
}

func TestAnswerOfADetachedServerReachesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		for range 20 {
			done := make(chan raft.RPCResponse, 1)
			_, err := p.from.execute(raft.RPC{Command: &raft.AppendEntriesRequest{}, RespChan: done}, p.to, nil)
			require.NoError(t, err)
		}
		p.to.detach()
		_, err := p.append(raft.AppendEntriesRequest{})
		require.ErrorIs(t, err, ErrDown)
	})
}

func TestInstallSnapshotBringsTheWholeBodyTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pair(t, Config{})
		p.set(t, Link{Duplicate: 1})
		body := bytes.Repeat([]byte("raft"), 10_000)
		req := &raft.InstallSnapshotRequest{Size: int64(len(body))}
		_ = p.from.InstallSnapshot("n2", addressOf("n2"), req, new(raft.InstallSnapshotResponse), bytes.NewReader(body))
		time.Sleep(time.Second)
		for range 2 {
			got, err := io.ReadAll((<-p.got).Reader)
			require.NoError(t, err)
			require.Equal(t, body, got)
		}
	})
}

func TestFastPathRule(t *testing.T) {
	beat := raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{Addr: []byte("n1:8300")}, Term: 2}
	old := raft.AppendEntriesRequest{Term: 2, Leader: []byte("n1:8300")} //nolint:staticcheck // servers of raft v1.3 send it
	entry, prev, term, commit, noTerm := beat, beat, beat, beat, beat
	entry.Entries = []*raft.Log{{}}
	prev.PrevLogEntry, term.PrevLogTerm, commit.LeaderCommitIndex, noTerm.Term = 1, 1, 1, 0
	for _, c := range []struct {
		name string
		req  raft.AppendEntriesRequest
		fast bool
	}{
		{"heartbeat", beat, true},
		{"heartbeat of an old version", old, true},
		{"entries", entry, false},
		{"previous entry", prev, false},
		{"previous term", term, false},
		{"commit index", commit, false},
		{"no term", noTerm, false},
		{"no leader", raft.AppendEntriesRequest{Term: 2}, false},
	} {
		require.Equal(t, c.fast, isHeartbeat(&c.req), c.name)
	}
	require.False(t, isHeartbeat(&raft.RequestVoteRequest{}))
}

func TestFateIsAFunctionOfSeedLinkAndNumber(t *testing.T) {
	link := Link{MaxDelay: time.Second, Drop: 0.3, DropResponse: 0.3, Duplicate: 0.3}
	roll := func(seed uint64, from, to int) (fates []fate) {
		n := newNetwork(Config{Seed: seed, Link: link, Servers: 3}.withDefaults(), []raft.ServerID{"n1", "n2", "n3"}, new(counters), nil)
		for range 200 {
			f, _ := n.dispatch(route{from, to})
			fates = append(fates, f)
		}
		return fates
	}
	require.Equal(t, roll(1, 0, 1), roll(1, 0, 1))
	require.NotEqual(t, roll(1, 0, 1), roll(2, 0, 1))
	require.NotEqual(t, roll(1, 0, 1), roll(1, 1, 0))
	require.NotEqual(t, roll(1, 0, 1), roll(1, 0, 2))
	drops := 0
	for _, f := range roll(1, 0, 1) {
		if f.drop {
			drops++
		}
	}
	require.InDelta(t, 60, drops, 25)
}

func TestNetworkRefusesNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := pair(t, Config{}).net
		require.ErrorContains(t, n.Set("n1", "n9", Link{}), `no server "n9"`)
		require.ErrorContains(t, n.Set("n1", "n1", Link{}), "no link to itself")
		require.ErrorContains(t, n.Set("n1", "n2", Link{Drop: 1.5}), "probability")
		require.ErrorContains(t, n.SetAll(Link{MinDelay: -1}), "negative")
		require.Error(t, n.Isolate("n3"))
		require.Error(t, n.Rejoin("n3"))
		require.ErrorContains(t, n.Partition([]raft.ServerID{"n1"}, []raft.ServerID{"n1"}), "twice")
		_, err := exchangeTo(n, "n2")
		require.ErrorContains(t, err, "an id is not an address")
	})
}

func exchangeTo(n *Network, addr raft.ServerAddress) (int, error) { return n.numberAt(addr) }
