// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/peers"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// past is a history of this node, a, that looks once a second.
type past struct {
	history
	now time.Time
}

func newPast(conf Config) *past {
	return &past{history{conf: conf.withDefaults(), self: "a", records: map[string]*record{}}, noon}
}

func serfMember(name string, status serf.MemberStatus) serf.Member {
	return serf.Member{Name: name, Addr: net.IPv4(10, 0, 0, 1), Tags: serverTags(name), Status: status}
}

// at is a look at a and b; StatusNone: Serf has no b.
func (p *past) at(b serf.MemberStatus) (peers.Member, bool) {
	members := []serf.Member{serfMember("a", serf.StatusAlive)}
	if b != serf.StatusNone {
		members = append(members, serfMember("b", b))
	}
	p.now = p.now.Add(time.Second)
	p.look(p.now, members)
	return member(p.view(), "b")
}

func (p *past) hear(events ...serf.EventType) {
	for _, e := range events {
		status := map[serf.EventType]serf.MemberStatus{
			serf.EventMemberJoin:   serf.StatusAlive,
			serf.EventMemberFailed: serf.StatusFailed,
			serf.EventMemberLeave:  serf.StatusLeft,
			serf.EventMemberReap:   serf.StatusLeft,
		}[e]
		p.event(serf.MemberEvent{Type: e, Members: []serf.Member{serfMember("b", status)}})
	}
}

const (
	joins  = serf.EventMemberJoin
	leaves = serf.EventMemberLeave
	fails  = serf.EventMemberFailed
	reaps  = serf.EventMemberReap
)

func TestGuarantee5_ForcedUnlessTheGoodbyeWasSeen(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []serf.EventType // all before the look that shows Left
		looks  []serf.MemberStatus
		forced bool
	}{
		{"goodbye, heard", []serf.EventType{joins, leaves}, []serf.MemberStatus{serf.StatusAlive}, false},
		{"failed and forced between two looks", []serf.EventType{joins, fails, leaves}, []serf.MemberStatus{serf.StatusAlive}, true},
		{"came back, and said goodbye", []serf.EventType{joins, fails, joins, leaves}, []serf.MemberStatus{serf.StatusFailed}, false},
		{"left twice, the second time by force", []serf.EventType{joins, leaves, joins, fails, leaves}, nil, true},
		{"the event is on its way", []serf.EventType{joins}, []serf.MemberStatus{serf.StatusAlive}, true},
		{"no events, seen leaving", nil, []serf.MemberStatus{serf.StatusAlive, serf.StatusLeaving}, false},
		{"no events, failed", nil, []serf.MemberStatus{serf.StatusAlive, serf.StatusFailed}, true},
		{"no events, leaving, failed", nil, []serf.MemberStatus{serf.StatusLeaving, serf.StatusAlive, serf.StatusFailed}, true},
		{"no events, nothing seen", nil, []serf.MemberStatus{serf.StatusAlive}, true},
		{"left before we came", nil, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPast(Config{})
			for _, s := range tc.looks {
				p.at(s)
			}
			p.hear(tc.events...)
			m, ok := p.at(serf.StatusLeft)
			require.True(t, ok)
			require.Equal(t, peers.Left, m.Health)
			require.Equal(t, tc.forced, m.Forced)
		})
	}
	late := newPast(Config{})
	late.hear(joins)
	late.at(serf.StatusLeft)
	late.hear(leaves)
	m, _ := late.at(serf.StatusLeft)
	require.False(t, m.Forced, "the event has come")
}

func TestGuarantee3_SinceStaysWhileNothingChanges(t *testing.T) {
	p := newPast(Config{})
	p.at(serf.StatusAlive)
	first, _ := p.at(serf.StatusFailed)
	require.Equal(t, p.now, first.Since)
	for range 10 {
		again, _ := p.at(serf.StatusFailed)
		require.Equal(t, first, again)
	}
	back, _ := p.at(serf.StatusAlive)
	require.Equal(t, p.now, back.Since)
}

func TestGuarantee4_ReapedBetweenTwoLooks(t *testing.T) {
	p := newPast(Config{AbsentAfter: 10 * time.Second})
	p.hear(joins)
	p.at(serf.StatusAlive)
	_, ok := p.at(serf.StatusNone)
	require.False(t, ok, "an absent member is not alive, and nobody said what it was")
	p.hear(fails, leaves, reaps)
	m, ok := p.at(serf.StatusNone)
	require.True(t, ok)
	require.Equal(t, peers.Left, m.Health)
	require.True(t, m.Forced)
	require.Equal(t, noon.Add(2*time.Second), m.Since)
	for range 19 {
		again, ok := p.at(serf.StatusNone)
		require.True(t, ok)
		require.Equal(t, m, again)
	}
	_, ok = p.at(serf.StatusNone)
	require.False(t, ok, "2 x AbsentAfter are over")
	require.Len(t, p.records, 1)
}

func TestGuarantee4_MemoryIsBounded(t *testing.T) {
	p := newPast(Config{})
	var members []serf.Member
	for i := range maxGone + 2 {
		members = append(members, serfMember(fmt.Sprint(i), serf.StatusFailed))
	}
	p.look(noon, members)
	p.look(noon.Add(time.Second), members[1:]) // 0 is gone for longest
	require.Len(t, p.records, maxGone+2)
	p.look(noon.Add(2*time.Second), nil)
	require.Len(t, p.records, maxGone)
	require.NotContains(t, p.records, "0")
}

func TestGuarantee6_WarmAfterCompanyWithoutAGap(t *testing.T) {
	p := newPast(Config{AbsentAfter: 10 * time.Second})
	for range 30 {
		p.at(serf.StatusNone)
		require.False(t, p.warm(), "alone")
	}
	p.at(serf.StatusAlive)
	for range 9 {
		p.at(serf.StatusFailed)
		require.False(t, p.warm(), "not for long enough")
	}
	p.at(serf.StatusFailed)
	require.True(t, p.warm(), "the others may fail: they are known")

	p.now = p.now.Add(11 * time.Second)
	p.at(serf.StatusAlive)
	require.False(t, p.warm(), "nobody looked for longer than AbsentAfter")

	client := serfMember("a", serf.StatusAlive)
	client.Tags["role"] = "client"
	q := newPast(Config{AbsentAfter: time.Second, Solo: true})
	for range 5 {
		q.now = q.now.Add(time.Second)
		q.look(q.now, []serf.Member{client})
		require.False(t, q.warm(), "it is no server")
	}
}
