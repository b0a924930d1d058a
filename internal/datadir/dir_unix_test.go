// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix && !solaris && !aix && !android

package datadir

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
)

// What is no regular file is neither followed nor waited for, at any depth.
func TestDirRefusesWhatIsNoFile(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600))
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("real"), []byte("x"), 0o600))
	require.NoError(t, os.Mkdir(at("sub"), 0o700))
	require.NoError(t, os.WriteFile(at("sub/real"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink("real", at("link")))
	require.NoError(t, os.Symlink("sub", at("linked")))
	require.NoError(t, os.Symlink(outside, at("out")))
	require.NoError(t, syscall.Mkfifo(at("fifo"), 0o600))
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()

	started := time.Now()
	for name, want := range map[string]string{
		"link":        "link: is a symbolic link; want a regular file",
		"fifo":        "fifo: is a FIFO; want a regular file",
		"sub":         "sub: is a directory; want a regular file",
		"linked/real": "linked: is a symbolic link; want a directory",
		"out/secret":  "out: is a symbolic link; want a directory",
		"real/x":      "real: is a regular file; want a directory",
		"../secret":   "not a path below the directory",
	} {
		_, err := d.ReadFile(name, 10)
		require.ErrorContains(t, err, want)
		if name != "../secret" {
			require.ErrorIs(t, err, ErrNotRegular)
		}
	}
	_, err = d.Names("linked")
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = d.BoltLog(t.Context(), "fifo")
	require.ErrorIs(t, err, ErrNotRegular)
	require.Less(t, time.Since(started), time.Second)

	b, err := d.ReadFile("sub/real", 1)
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
	_, err = d.ReadFile("sub/real", 0)
	require.ErrorContains(t, err, "1 bytes; at most 0")
	_, err = d.ReadFile("missing", 1)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A store that is open is said to be in use; when it was closed, it can be read.
func TestOpenStoreIsInUse(t *testing.T) {
	dir := t.TempDir()
	s, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
	require.NoError(t, err)
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	started := time.Now()
	_, err = d.BoltLog(t.Context(), "raft.db")
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "raft.db: stop the server first")
	require.Less(t, time.Since(started), time.Second)
	require.NoError(t, s.Close())
	l, err := d.BoltLog(t.Context(), "raft.db")
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// While we read, no store can be opened; after Close it can.
func TestReadingKeepsWritersOut(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/wal/plain")))
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	l, err := d.WALLog(t.Context(), ".")
	require.NoError(t, err)
	f, err := os.OpenFile(filepath.Join(dir, "wal-meta.db"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	require.ErrorIs(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
	require.NoError(t, l.Close())
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	_, err = d.WALLog(t.Context(), ".")
	require.ErrorIs(t, err, ErrInUse)
}
