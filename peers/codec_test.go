// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// minimal is all that a reply must have.
const minimal = `{"id":"n1","address":"10.0.0.1:8300","has_state":false,"term":0,"last_term":0,"last_index":0,"running":false,"leading":false}`

// including is minimal with more.
func including(more string) string { return strings.TrimSuffix(minimal, "}") + "," + more + "}" }

var fullReply = Reply{
	ID: "n1", Address: "10.0.0.1:8300", ClusterID: "c", HasState: true,
	Term: math.MaxUint64, LastTerm: 2, LastIndex: math.MaxUint64 - 1,
	Servers: []raft.Server{
		{ID: "n1", Address: "10.0.0.1:8300"},
		{ID: `<"ä">`, Address: "n2:8300", Suffrage: raft.Nonvoter},
	},
	ConfigIndex: 9, Running: true, Leading: true, Leader: "n1", Leaving: true,
	Recovery: Digest{1}, Expect: 3, Candidates: Digest{2},
}

func drawReply(t *rapid.T) Reply {
	text, number, flag := rapid.String(), rapid.Uint64(), rapid.Bool()
	some := rapid.StringN(1, 20, -1)
	r := Reply{
		ID: raft.ServerID(some.Draw(t, "id")), Address: raft.ServerAddress(text.Draw(t, "address")), ClusterID: text.Draw(t, "cluster"),
		HasState: flag.Draw(t, "state"), Term: number.Draw(t, "term"), LastTerm: number.Draw(t, "lastTerm"), LastIndex: number.Draw(t, "lastIndex"),
		ConfigIndex: number.Draw(t, "configIndex"), Running: flag.Draw(t, "running"), Leading: flag.Draw(t, "leading"),
		Leader: raft.ServerID(text.Draw(t, "leader")), Leaving: flag.Draw(t, "leaving"), Expect: rapid.IntRange(0, 9).Draw(t, "expect"),
	}
	copy(r.Recovery[:], rapid.SliceOf(rapid.Byte()).Draw(t, "recovery"))
	copy(r.Candidates[:], rapid.SliceOf(rapid.Byte()).Draw(t, "candidates"))
	for range rapid.IntRange(0, 5).Draw(t, "servers") {
		suffrage := rapid.SampledFrom([]raft.ServerSuffrage{raft.Voter, raft.Nonvoter}).Draw(t, "suffrage")
		r.Servers = append(r.Servers, raft.Server{ID: raft.ServerID(some.Draw(t, "id")), Address: raft.ServerAddress(some.Draw(t, "at")), Suffrage: suffrage})
	}
	return r
}

func TestGuarantee17_AReplyReadsBackAsWritten(t *testing.T) {
	check := func(t require.TestingT, r Reply) {
		data, err := json.Marshal(r)
		require.NoError(t, err)
		var read Reply
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, r, read)
		require.Equal(t, r.Config(), read.Config())
	}
	check(t, Reply{ID: "n1"})
	check(t, fullReply)
	rapid.Check(t, func(rt *rapid.T) { check(rt, drawReply(rt)) })
}

// Other versions read these bytes: a change of them is a change of the protocol.
func TestGuarantee17_TheBytesOfAReply(t *testing.T) {
	data, err := json.Marshal(fullReply)
	require.NoError(t, err)
	require.Equal(t, `{"id":"n1","address":"10.0.0.1:8300","cluster_id":"c","has_state":true,`+
		`"term":18446744073709551615,"last_term":2,"last_index":18446744073709551614,"config_index":9,`+
		`"running":true,"leading":true,"leader":"n1","leaving":true,`+
		`"recovery":"01`+strings.Repeat("0", 62)+`","expect":3,"candidates":"02`+strings.Repeat("0", 62)+`",`+
		`"servers":[{"id":"n1","address":"10.0.0.1:8300","suffrage":"voter"},`+
		`{"id":"\u003c\"ä\"\u003e","address":"n2:8300","suffrage":"nonvoter"}]}`, string(data))
	data, err = json.Marshal(Reply{ID: "n1", Address: "10.0.0.1:8300"})
	require.NoError(t, err)
	require.Equal(t, minimal, string(data))
}

func TestGuarantee17_WhatALaterVersionAddsIsPassedOver(t *testing.T) {
	var r Reply
	require.NoError(t, json.Unmarshal([]byte(including(`"zone":{"name":["a",{"name":1}]},"v":2.5`)), &r))
	require.Equal(t, Reply{ID: "n1", Address: "10.0.0.1:8300"}, r)
}

func TestGuarantee17_StrictAndBounded(t *testing.T) {
	server := `{"id":"a","address":"a:1","suffrage":"voter"}`
	for _, tc := range []struct{ name, data, say string }{
		{"nothing", "", "unexpected end"},
		{"null", "null", "null is no value"},
		{"list", "[]", `no "id"`},
		{"string", `"n1"`, `no "id"`},
		{"no has_state", strings.Replace(minimal, `"has_state":false,`, "", 1), `no "has_state"`},
		{"trailing", minimal + "x", "after top-level value"},
		{"second reply", minimal + minimal, "after top-level value"},
		{"empty id", strings.Replace(minimal, "n1", "", 1), "nobody in particular"},
		{"key twice", including(`"id":"n2"`), `"id" comes twice`},
		{"key twice, deep", including(`"x":[{"a":1,"a":2}]`), `"a" comes twice`},
		{"key in capitals", including(`"ID":"n2"`), `want lower-case letters`},
		{"key in capitals, deep", including(`"servers":[{"id":"a","address":"a:1","suffrage":"voter","Suffrage":"nonvoter"}]`), `want lower-case letters`},
		{"null inside", including(`"servers":null`), "null is no value"},
		{"not UTF-8", including("\"leader\":\"\xff\""), "not UTF-8"},
		{"fraction", strings.Replace(minimal, `"term":0`, `"term":0.5`, 1), "cannot unmarshal"},
		{"negative", strings.Replace(minimal, `"term":0`, `"term":-1`, 1), "cannot unmarshal"},
		{"too large", strings.Replace(minimal, `"term":0`, `"term":18446744073709551616`, 1), "cannot unmarshal"},
		{"negative expect", including(`"expect":-1`), "expect is -1"},
		{"bad digest", including(`"recovery":"00"`), "64 hexadecimal digits"},
		{"suffrage as a number", including(`"servers":[{"id":"a","address":"a:1","suffrage":0}]`), "cannot unmarshal"},
		{"no suffrage", including(`"servers":[{"id":"a","address":"a:1"}]`), `suffrage "": want voter or nonvoter`},
		{"server without address", including(`"servers":[{"id":"a","suffrage":"voter"}]`), "no address"},
		{"too many servers", including(`"servers":[` + strings.Repeat(server+",", maxServers) + server + "]"), "1001 servers, more than 1000"},
		{"too long", including(`"x":"` + strings.Repeat("x", maxReply) + `"`), "more than 1048576 bytes"},
		{"deep", including(`"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), "exceeded max depth"},
	} {
		r := fullReply
		require.ErrorContains(t, json.Unmarshal([]byte(tc.data), &r), tc.say, tc.name)
		require.Equal(t, fullReply, r, "%s: changed although refused", tc.name)
	}
}

func TestGuarantee17_WhatWouldNotReadBackIsNotSent(t *testing.T) {
	many := make([]raft.Server, maxServers+1)
	for i := range many {
		many[i] = raft.Server{ID: raft.ServerID(fmt.Sprint(i)), Address: "a:1"}
	}
	long := raft.ServerAddress(strings.Repeat("x", 2000))
	for say, r := range map[string]Reply{
		"no id":                  {},
		"not UTF-8":              {ID: "n1", Servers: []raft.Server{{ID: "\xff", Address: "a:1"}}},
		"more than 1000":         {ID: "n1", Servers: many},
		"expect is -1":           {ID: "n1", Expect: -1},
		"no address":             {ID: "n1", Servers: []raft.Server{{ID: "n1"}}},
		"bytes, more than 10485": {ID: "n1", Servers: withAddress(many[1:], long)},
	} {
		_, err := json.Marshal(r)
		require.ErrorContains(t, err, say)
	}
}

func withAddress(servers []raft.Server, address raft.ServerAddress) (changed []raft.Server) {
	for _, s := range servers {
		s.Address = address
		changed = append(changed, s)
	}
	return changed
}

// What is accepted reads back as it was after it is written, and does not depend on the
// order of keys or on anything but the bytes.
func FuzzReply(f *testing.F) {
	full, err := json.Marshal(fullReply)
	require.NoError(f, err)
	for _, data := range []string{string(full), minimal, including(`"v":[{}]`), including(`"id":"n2"`), "null", "[]", `{"id":"\ud800"}`} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, direct Reply
		err := json.Unmarshal(data, &r)
		require.Equal(t, err == nil, direct.UnmarshalJSON(data) == nil, "with and without encoding/json before it")
		if err != nil {
			require.Empty(t, r)
			return
		}
		require.NotEmpty(t, r.ID)
		written, err := json.Marshal(r)
		require.NoError(t, err)
		var again Reply
		require.NoError(t, json.Unmarshal(written, &again))
		require.Equal(t, r, again)
	})
}
