// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

var newFile = File{3, []raft.Server{{ID: "n1", Address: "10.0.0.1:8300"}, {ID: "n2", Address: "10.0.0.2:8300", Suffrage: raft.Nonvoter}}}

func encoded(t testing.TB, f File) string {
	t.Helper()
	data, err := f.Encode()
	require.NoError(t, err)
	return string(data)
}

// contents are the files below dir, by name.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

func TestGuarantee16_WriteKeepsABackup(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers.json")
	backup, err := WritePeers(path, newFile)
	require.NoError(t, err)
	require.Empty(t, backup, "there was nothing")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	backup, err = WritePeers(path, newFile)
	require.NoError(t, err)
	require.Empty(t, backup, "it is the same")

	require.NoError(t, os.WriteFile(path, []byte("ruins"), 0o600))
	for range 2 { // the same ruins again: the backup is there
		backup, err = WritePeers(path, newFile)
		require.NoError(t, err)
		require.Equal(t, path+".61e759cfb63e.bak", backup)
		require.Equal(t, map[string]string{"peers.json": encoded(t, newFile), filepath.Base(backup): "ruins"}, contents(t, dir))
		require.NoError(t, os.WriteFile(path, []byte("ruins"), 0o600))
	}
	read, err := ReadPeers(path+".none", ParseConfig{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Empty(t, read)
}

func TestGuarantee16_NothingIsTouchedThatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers.json")
	require.NoError(t, os.WriteFile(path, []byte("ruins"), 0o600))
	require.NoError(t, os.WriteFile(path+".61e759cfb63e.bak", []byte("something else"), 0o600))
	before := contents(t, dir)
	_, err := WritePeers(path, newFile)
	require.ErrorContains(t, err, "61e759cfb63e.bak is there, with another content: move it away")
	require.Equal(t, before, contents(t, dir))

	_, err = WritePeers(path, File{})
	require.ErrorContains(t, err, "no servers")
	require.Equal(t, before, contents(t, dir))

	require.NoError(t, os.WriteFile(path, make([]byte, maxFile+1), 0o600))
	_, err = WritePeers(path, newFile)
	require.ErrorContains(t, err, "move it away first")

	link := filepath.Join(dir, "link.json")
	require.NoError(t, os.Symlink("peers.json", link))
	_, err = WritePeers(link, newFile)
	require.ErrorContains(t, err, "name the file itself")
	_, err = WritePeers(filepath.Join(dir, "none", "peers.json"), newFile)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// unsynced is the real disk without the time that fsync takes: what that is for is
// TestGuarantee16_P13_EveryPowerCut's.
type unsynced struct{ osDisk }

func (unsynced) syncDir(string) error { return nil }

func (d unsynced) create(path string) (diskFile, error) {
	f, err := d.osDisk.create(path)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ diskFile }

func (unsyncedFile) Sync() error { return nil }

// faultyDisk is a disk whose n-th call fails. If stop is set, all that follow do
// nothing, as if the machine had stopped.
type faultyDisk struct {
	unsynced
	calls, n int
	err      error
	stop     bool
}

func (d *faultyDisk) fails() error {
	d.calls++
	if d.calls == d.n || d.stop && d.calls > d.n {
		return d.err
	}
	return nil
}

func (d *faultyDisk) read(path string) ([]byte, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.unsynced.read(path)
}

func (d *faultyDisk) create(path string) (diskFile, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	f, err := d.unsynced.create(path)
	return &faultyFile{f, d}, err
}

func (d *faultyDisk) rename(from, to string) error {
	if err := d.fails(); err != nil {
		return err
	}
	return d.unsynced.rename(from, to)
}

func (d *faultyDisk) remove(path string) error {
	if err := d.fails(); err != nil {
		return err
	}
	return d.unsynced.remove(path)
}

func (d *faultyDisk) syncDir(path string) error {
	if err := d.fails(); err != nil {
		return err
	}
	return d.unsynced.syncDir(path)
}

type faultyFile struct {
	diskFile
	d *faultyDisk
}

var errShort = errors.New("short, without a word")

// Write writes the half of it when it fails.
func (f *faultyFile) Write(data []byte) (int, error) {
	err := f.d.fails()
	if err == nil {
		return f.diskFile.Write(data)
	}
	n, _ := f.diskFile.Write(data[:len(data)/2])
	if errors.Is(err, errShort) {
		err = nil
	}
	return n, err
}

func (f *faultyFile) Sync() error { return errors.Join(f.d.fails(), f.diskFile.Sync()) }

// Close closes whatever happens: an open file is no part of the experiment.
func (f *faultyFile) Close() error { return errors.Join(f.d.fails(), f.diskFile.Close()) }

// P13: every call fails once, in every way, and the machine stops at every call.
func TestGuarantee16_P13_EveryCallFailsOnce(t *testing.T) {
	const old = "[\"10.0.0.7:8300\"]\n"
	wanted := encoded(t, newFile)
	tried := 0
	for _, there := range []bool{true, false} {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, errShort} {
			for _, stop := range []bool{false, true} {
				for n := 1; ; n++ {
					d := &faultyDisk{n: n, err: fault, stop: stop}
					if !failOnce(t, d, there, old, wanted) {
						break
					}
					tried++
				}
			}
		}
	}
	require.Greater(t, tried, 160)
}

// failOnce writes on d, holds what is left against what is promised, and tries again. It
// reports whether the fault happened.
func failOnce(t *testing.T, d *faultyDisk, there bool, old, wanted string) bool {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers.json")
	allowed := []string{"", wanted}
	if there {
		require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
		allowed[0] = old
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bystander.tmp"), []byte("mine"), 0o600))
	backup, err := writePeers(d, path, newFile)
	if d.calls < d.n {
		require.NoError(t, err)
		return false
	}
	what := fmt.Sprintf("call %d: %v, stopped: %v", d.n, d.err, d.stop)
	after := contents(t, dir)
	if !errors.Is(d.err, errShort) {
		require.ErrorIs(t, err, d.err, what)
	} else if err == nil { // only a write can be short
		require.Equal(t, wanted, after["peers.json"], what)
	}
	require.Contains(t, allowed, after["peers.json"], what)
	require.Equal(t, "mine", after["bystander.tmp"], what)
	delete(after, "bystander.tmp")
	for name, data := range after {
		if strings.HasSuffix(name, ".bak") {
			require.Equal(t, old, data, what)
		} else if name != "peers.json" {
			require.True(t, d.stop && strings.HasSuffix(name, ".tmp"), "%s: %s is left", what, name)
		}
	}
	if there && after["peers.json"] == wanted {
		require.NotEmpty(t, backup, what)
		require.Equal(t, old, after[filepath.Base(backup)], what)
	}

	_, err = writePeers(unsynced{}, path, newFile)
	require.NoError(t, err, what)
	again := contents(t, dir)
	require.Equal(t, wanted, again["peers.json"], what)
	if there {
		require.Contains(t, slices.Collect(maps.Values(again)), old, what)
	}
	return true
}

// rivalDisk is one on which somebody else writes at the same time.
type rivalDisk struct{ unsynced }

func (d rivalDisk) rename(from, to string) error {
	return errors.Join(d.unsynced.rename(from, to), os.WriteFile(to, []byte("[]"), 0o600))
}

func TestGuarantee16_WhatIsReadBackIsCompared(t *testing.T) {
	_, err := writePeers(rivalDisk{}, filepath.Join(t.TempDir(), "peers.json"), newFile)
	require.ErrorContains(t, err, "not what was written")
}
