// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawFile makes any file that may be written.
func drawFile(t *rapid.T) File {
	f := File{Protocol: rapid.SampledFrom([]int{2, 3}).Draw(t, "protocol")}
	ids := rapid.SliceOfNDistinct(rapid.StringOf(rapid.Rune()).Filter(func(s string) bool { return checkID(s) == nil }), 1, 9, rapid.ID[string])
	for i, id := range ids.Draw(t, "ids") {
		host := rapid.SampledFrom([]string{"10.0.0.%d", "[2001:db8::%d]", "n%d.Example"}).Draw(t, "host")
		s := raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(fmt.Sprintf(host+":%d", i+1, 8300+i))}
		if f.Protocol == 2 {
			s.ID = raft.ServerID(s.Address)
		} else if i > 0 && rapid.Bool().Draw(t, "nonvoter") {
			s.Suffrage = raft.Nonvoter
		}
		f.Servers = append(f.Servers, s)
	}
	return f
}

// P10: what is written is read back as it was, by us and by raft.
func TestGuarantee15_P10_WrittenIsReadBackAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	rapid.Check(t, func(rt *rapid.T) {
		f := drawFile(rt)
		data, err := f.Encode()
		require.NoError(rt, err)
		read, err := ParsePeers(data, ParseConfig{AllowSingle: true})
		require.NoError(rt, err)
		require.Equal(rt, f, read)
		servers, protocol := raftReads(t, path, data)
		require.Equal(rt, f, File{protocol, servers})
		require.Len(rt, strings.Split(string(data), "\n"), len(f.Servers)+3, "one server a line")
	})
}

func TestEncodeIsForPeople(t *testing.T) {
	data, err := File{Servers: []raft.Server{{ID: "<a&b>", Address: "10.0.0.1:8300"}, {ID: "n2", Address: "n2:8300", Suffrage: raft.Nonvoter}}}.Encode()
	require.NoError(t, err)
	require.Equal(t, `[
  {"id":"<a&b>","address":"10.0.0.1:8300","non_voter":false},
  {"id":"n2","address":"n2:8300","non_voter":true}
]
`, string(data))

	data, err = File{Protocol: 2, Servers: []raft.Server{{ID: "a:1", Address: "a:1"}}}.Encode()
	require.NoError(t, err)
	require.Equal(t, "[\n  \"a:1\"\n]\n", string(data))
}

func TestEncodeRefusesWhatItCouldNotReadBack(t *testing.T) {
	for _, tc := range []struct {
		name string
		file File
		say  string
	}{
		{"nothing", File{}, "no servers"},
		{"protocol", File{Protocol: 1, Servers: []raft.Server{{ID: "a", Address: "a:1"}}}, "Protocol is 1: want 2 or 3"},
		{"staging", File{Servers: []raft.Server{{ID: "a", Address: "a:1", Suffrage: raft.Staging}}}, `"a" is a Staging`},
		{"nonvoter in the old form", File{Protocol: 2, Servers: []raft.Server{{ID: "a:1", Address: "a:1", Suffrage: raft.Nonvoter}}}, "use 3"},
		{"id in the old form", File{Protocol: 2, Servers: []raft.Server{{ID: "a", Address: "a:1"}}}, "use 3"},
		{"not UTF-8", File{Servers: []raft.Server{{ID: "a\xff", Address: "a:1"}}}, "lost before"},
		{"no port", File{Servers: []raft.Server{{ID: "a", Address: "a"}}}, "want host:port"},
		{"alias", File{Servers: []raft.Server{{ID: "a", Address: "a:1"}, {ID: "b", Address: "A:1"}}}, "vote twice"},
	} {
		_, err := tc.file.Encode()
		require.ErrorContains(t, err, tc.say, tc.name)
	}
}
