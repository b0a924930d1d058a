// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
)

func someList(n int) []raft.Server {
	servers := []raft.Server{{ID: "n1", Address: "n1:8300"}, {ID: "n2", Address: "n2:8300", Suffrage: raft.Nonvoter}}
	return append(servers, raft.Server{ID: "n3", Address: raft.ServerAddress(fmt.Sprintf("10.0.0.%d:8300", n))})
}

// The last lists are kept, bounded, for the owner alone, and raft reads what is in them.
func TestGuarantee27_F16_TheLastListsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lists")
	j, err := openJournal(path)
	require.NoError(t, err)
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 40 {
		for range 2 { // the second time it is no news
			require.NoError(t, j.keep(Listed{Index: uint64(i + 1), Time: when, Servers: someList(i)}))
		}
	}
	lists, err := ReadJournal(path)
	require.NoError(t, err)
	require.Len(t, lists, maxListed)
	for i, l := range lists {
		want := someList(i + 8)
		require.Equal(t, Listed{Index: uint64(i + 9), Digest: DigestOf(want), Time: when, Servers: want}, l)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "a temporary file is left")

	again, err := openJournal(path)
	require.NoError(t, err)
	require.NoError(t, again.keep(lists[maxListed-1]))
	require.NoError(t, again.keep(Listed{Index: 99, Servers: someList(1)}))
	lists, err = ReadJournal(path)
	require.NoError(t, err)
	require.Len(t, lists, maxListed)
	require.Equal(t, uint64(99), lists[maxListed-1].Index)

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var line struct{ Peers json.RawMessage }
	require.NoError(t, json.Unmarshal(data[:strings.IndexByte(string(data), '\n')], &line))
	peersJSON := filepath.Join(t.TempDir(), "peers.json")
	require.NoError(t, os.WriteFile(peersJSON, line.Peers, 0o600))
	conf, err := raft.ReadConfigJSON(peersJSON)
	require.NoError(t, err)
	require.Equal(t, lists[0].Servers, conf.Servers)
}

func TestJournalThatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lists")
	j, err := openJournal(path)
	require.NoError(t, err)
	require.NoError(t, j.keep(Listed{Index: 1, Servers: someList(1)}))
	require.NoError(t, j.keep(Listed{Index: 2, Servers: someList(2)}))
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, damage := range map[string]string{
		"cut":      string(good[:len(good)-9]),
		"changed":  strings.Replace(string(good), "10.0.0.2", "10.0.0.3", 1),
		"suffrage": strings.Replace(string(good), "true", "false", 1),
		"unknown":  strings.Replace(string(good), "non_voter", "nonvoter", 1),
		"other":    "hello",
		"huge":     strings.Repeat(" ", maxJournalBytes+1),
	} {
		require.NoError(t, os.WriteFile(path, []byte(damage), 0o600))
		_, err := openJournal(path)
		require.ErrorContains(t, err, "move", name)
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, damage, string(now), "it was touched")
	}
}

// A rename that fails leaves the old file, and no other.
func TestJournalIsReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lists")
	require.NoError(t, os.Mkdir(path, 0o700)) // nothing can be renamed onto it
	require.Error(t, swap(osDisk{}, path, []byte("new")))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.True(t, entries[0].IsDir())
}

// Every server keeps the lists, not only the one that leads.
func TestGuarantee27_EveryServerKeepsThem(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, testcluster.Config{Servers: 4, Voters: 3}, Config{Policy: quick(0)})
		s.leader()
		for _, server := range s.c.Servers() {
			id, a := server.ID(), s.actor(server.ID())
			j, err := openJournal(filepath.Join(dir, string(id)))
			require.NoError(t, err)
			s.rewire(a, func(r *Reconciler) { r.journal = j })
		}
		s.announce("n4")
		s.becomes(20*time.Second, "[n1 n2 n3 n4]")
		time.Sleep(6 * time.Second)
		for _, id := range []string{"n1", "n2", "n3", "n4"} {
			lists, err := ReadJournal(filepath.Join(dir, id))
			require.NoError(t, err)
			require.Equal(t, "[n1 n2 n3 n4]", listed(lists[len(lists)-1].Servers), id)
		}
	})
}
