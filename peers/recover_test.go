// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
)

var recoverList = []raft.Server{serverOf("a"), {ID: "b", Address: "b:8300", Suffrage: raft.Nonvoter}}

// machineDir is a raft directory with a real log and real snapshots.
type machineDir struct {
	dir    string
	bolt   *raftboltdb.BoltStore
	snaps  *raft.FileSnapshotStore
	config RecoverConfig
}

// newMachineDir holds the list {a, b, c} and four commands; compacted: all of it is in a snapshot.
func newMachineDir(t *testing.T, retain int, compacted bool) machineDir {
	m := machineDir{dir: t.TempDir()}
	full := raft.Configuration{Servers: []raft.Server{serverOf("a"), serverOf("b"), serverOf("c")}}
	var err error
	m.bolt, err = raftboltdb.New(raftboltdb.Options{Path: filepath.Join(m.dir, "raft.db"), NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.bolt.Close() })
	m.snaps, err = raft.NewFileSnapshotStoreWithLogger(m.dir, retain, hclog.NewNullLogger())
	require.NoError(t, err)
	_, trans := raft.NewInmemTransport("a:8300")
	require.NoError(t, raft.BootstrapCluster(configOf("a"), m.bolt, m.bolt, m.snaps, trans, full))
	for i := uint64(2); i <= 5; i++ {
		require.NoError(t, m.bolt.StoreLog(&raft.Log{Index: i, Term: 1, Data: []byte("w")}))
	}
	if compacted {
		sink, err := m.snaps.Create(1, 5, 1, full, 1, trans)
		require.NoError(t, err)
		require.NoError(t, tapeSnapshot("w\nw\nw\nw").Persist(sink))
		require.NoError(t, m.bolt.DeleteRange(1, 5))
	}
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, peersName), []byte(peersFile(recoverList)), 0o600))
	m.config = RecoverConfig{
		Dir: m.dir, Servers: recoverList, Raft: configOf("a"), NewFSM: func() raft.FSM { return &tape{} },
		Logs: m.bolt, Stable: m.bolt, Snaps: m.snaps, Trans: trans,
	}
	return m
}

// kept asserts that peers.json waits for the next try.
func (m machineDir) kept(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, peersName))
	require.NoError(t, err)
	require.Equal(t, peersFile(recoverList), string(text))
}

// done asserts that raft would start from the recovered list, with everything.
func (m machineDir) done(t *testing.T, r RecoverResult) {
	t.Helper()
	metas, err := m.snaps.List()
	require.NoError(t, err)
	require.Equal(t, recoverList, metas[0].Configuration.Servers)
	require.Equal(t, Entry{Term: 1, Index: 5}, Entry{Term: metas[0].Term, Index: metas[0].Index})
	_, source, err := m.snaps.Open(metas[0].ID)
	require.NoError(t, err)
	f := &tape{}
	require.NoError(t, f.Restore(source))
	require.NoError(t, source.Close())
	require.Len(t, f.lines, 4)
	last, err := m.bolt.LastIndex()
	require.NoError(t, err)
	require.Zero(t, last)
	require.NoFileExists(t, filepath.Join(m.dir, peersName))
	require.FileExists(t, r.Aside)
	is, err := recovered(m.dir, Configuration{Index: 1, Servers: recoverList, Digest: DigestOf(recoverList)})
	require.NoError(t, err)
	require.True(t, is, "the reconciler must know that it has to re-assert")
	is, err = recovered(m.dir, Configuration{Index: 7, Digest: DigestOf(recoverList)})
	require.NoError(t, err)
	require.False(t, is, "it has been re-asserted")
}

func TestGuarantee24_CopiesFirstAndSetsAside(t *testing.T) {
	m := newMachineDir(t, 1, true)
	before := filesBelow(t, m.dir)
	var done, total int64
	m.config.Progress = func(d, of int64) {
		require.Greater(t, d, done)
		done, total = d, of
	}
	m.config.Plan, m.config.Expect = "recovery-1", Entry{Term: 1, Index: 5}
	r, err := Recover(t.Context(), m.config)
	require.NoError(t, err)
	require.Equal(t, total, done)
	m.done(t, r)

	require.Equal(t, filepath.Join(m.dir, "raftkeel-quarantine", "recovery-1"), r.Backup)
	copied := filesBelow(t, r.Backup)
	delete(copied, manifestName)
	require.Equal(t, before, copied, "with retain=1 the recovery destroys the snapshot it started from")
	require.NoError(t, filepath.WalkDir(r.Backup, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		require.Equal(t, map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()], info.Mode().Perm(), path)
		return nil
	}))

	m.config.Expect = Entry{}
	again, err := Recover(t.Context(), m.config)
	require.NoError(t, err)
	require.True(t, again.Already)
	require.Empty(t, again.Backup)
	m.done(t, again)
}

// filesBelow are the files below dir.
func filesBelow(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if !d.IsDir() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			rel, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			files[rel] = string(text)
		}
		return nil
	}))
	return files
}

// The clock of a bubble starts anew: in the second one it is an hour behind.
func TestGuarantee24_ClockSetBackIsCaught(t *testing.T) {
	for retain := 1; retain <= 2; retain++ {
		var m machineDir
		synctest.Test(t, func(*testing.T) {
			time.Sleep(time.Hour)
			m = newMachineDir(t, retain, true)
		})
		synctest.Test(t, func(*testing.T) {
			_, err := Recover(t.Context(), m.config)
			require.ErrorIs(t, err, ErrNotTaken)
			require.ErrorContains(t, err, "clock was set back")
			m.kept(t)
			time.Sleep(2 * time.Hour)
			r, err := Recover(t.Context(), m.config)
			require.NoError(t, err)
			m.done(t, r)
		})
	}
}

// failing is a store that dies at one call.
type failing struct {
	*raftboltdb.BoltStore
	*raft.FileSnapshotStore
	deleteRange, create bool
}

var errDied = errors.New("died")

func (f failing) DeleteRange(from, to uint64) error {
	if f.deleteRange {
		return errDied
	}
	return f.BoltStore.DeleteRange(from, to)
}

func (f failing) Create(v raft.SnapshotVersion, index, term uint64, conf raft.Configuration, confIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	if f.create {
		return nil, errDied
	}
	return f.FileSnapshotStore.Create(v, index, term, conf, confIndex, trans)
}

func TestGuarantee24_InterruptedAnywhere(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *machineDir, context.CancelFunc){
		"while copying": func(_ *testing.T, m *machineDir, stop context.CancelFunc) {
			m.config.Progress = func(int64, int64) { stop() }
		},
		"before the snapshot": func(_ *testing.T, m *machineDir, _ context.CancelFunc) {
			m.config.Snaps = failing{FileSnapshotStore: m.snaps, create: true}
		},
		"before the log": func(_ *testing.T, m *machineDir, _ context.CancelFunc) {
			m.config.Logs = failing{BoltStore: m.bolt, deleteRange: true}
		},
		"no room for the copy": func(_ *testing.T, m *machineDir, _ context.CancelFunc) {
			m.config.free = func(string) (uint64, bool) { return 9, true }
		},
		"the copy's own hook": func(_ *testing.T, m *machineDir, _ context.CancelFunc) {
			m.config.Backup = func(context.Context) error { return errDied }
		},
	} {
		m := newMachineDir(t, 1, false)
		whole, before := m.config, filesBelow(t, m.dir)
		ctx, stop := context.WithCancel(t.Context())
		spoil(t, &m, stop)
		_, err := Recover(ctx, m.config)
		require.Error(t, err, name)
		m.kept(t)
		stop()

		m.config = whole
		r, err := Recover(t.Context(), m.config)
		require.NoError(t, err, name)
		m.done(t, r)
		copied := filesBelow(t, r.Backup)
		delete(copied, manifestName)
		require.Equal(t, before, copied, "%s: the copy must be of what was there before the first try", name)
	}
}

func TestGuarantee24_Refusals(t *testing.T) {
	edit := func(text string) func(*testing.T, *machineDir) {
		return func(t *testing.T, m *machineDir) {
			require.NoError(t, os.WriteFile(filepath.Join(m.dir, peersName), []byte(text), 0o600))
		}
	}
	for name, c := range map[string]struct {
		spoil func(*testing.T, *machineDir)
		want  error
	}{
		"moved on":  {func(_ *testing.T, m *machineDir) { m.config.Expect = Entry{1, 4} }, ErrMoved},
		"edited":    {edit(`[{"id":"a","address":"a:8300"}]`), ErrOtherPeers},
		"damaged":   {edit(`[{"id":`), ErrOtherPeers},
		"not in it": {func(_ *testing.T, m *machineDir) { m.config.Raft = configOf("z") }, ErrOtherPeers},
		"no file":   {func(t *testing.T, m *machineDir) { require.NoError(t, os.Remove(filepath.Join(m.dir, peersName))) }, ErrOtherPeers},
		"two wishes": {func(_ *testing.T, m *machineDir) {
			m.config.NoBackup, m.config.Backup = true, func(context.Context) error { return nil }
		}, nil},
		"plan name": {func(_ *testing.T, m *machineDir) { m.config.Plan = "../x" }, nil},
		"a link": {func(t *testing.T, m *machineDir) {
			require.NoError(t, os.Symlink("raft.db", filepath.Join(m.dir, "link")))
		}, nil},
	} {
		m := newMachineDir(t, 1, false)
		c.spoil(t, &m)
		before := filesBelow(t, m.dir)
		_, err := Recover(t.Context(), m.config)
		require.Error(t, err, name)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
		}
		require.Equal(t, before, filesBelow(t, m.dir), "%s: nothing may change", name)
	}
}

// Stores in memory cannot be copied by us, and nobody finds that out afterwards.
func TestGuarantee24_StoresElsewhereNeedAYes(t *testing.T) {
	m := newMachineDir(t, 1, false)
	m.config.Dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(m.config.Dir, peersName), []byte(peersFile(recoverList)), 0o600))
	_, err := Recover(t.Context(), m.config)
	require.ErrorIs(t, err, ErrNoBackup)
	require.ErrorContains(t, err, "set RecoverConfig.Backup, or NoBackup")
	m.config.NoBackup = true
	r, err := Recover(t.Context(), m.config)
	require.NoError(t, err)
	require.Empty(t, r.Backup)
	require.FileExists(t, r.Aside)
}
