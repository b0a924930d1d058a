// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// cachedDisk is a disk that keeps to POSIX and to nothing more: what was not synced may
// be lost, in any part and in any order. Names are of one directory.
type cachedDisk struct {
	names, durable map[string]*inode // as seen by programs, and after a power cut
	calls, stopAt  int
}

type inode struct {
	name string
	data []byte
	safe bool // its data is on the disk
}

func newCachedDisk(files map[string]string, stopAt int) *cachedDisk {
	d := &cachedDisk{names: map[string]*inode{}, durable: map[string]*inode{}, stopAt: stopAt}
	for name, data := range files {
		d.names[name] = &inode{name, []byte(data), true}
	}
	d.durable = maps.Clone(d.names)
	return d
}

type powerCut struct{}

func (d *cachedDisk) call() {
	if d.calls++; d.calls > d.stopAt {
		panic(powerCut{})
	}
}

func (d *cachedDisk) read(path string) ([]byte, error) {
	d.call()
	if i := d.names[filepath.Base(path)]; i != nil {
		return slices.Clone(i.data), nil
	}
	return nil, fs.ErrNotExist
}

func (d *cachedDisk) create(path string) (diskFile, error) {
	d.call()
	i := &inode{name: fmt.Sprintf("%s.%d.tmp", filepath.Base(path), d.calls)}
	d.names[i.name] = i
	return cachedFile{i, d}, nil
}

func (d *cachedDisk) rename(from, to string) error {
	d.call()
	d.names[filepath.Base(to)] = d.names[filepath.Base(from)]
	delete(d.names, filepath.Base(from))
	return nil
}

func (d *cachedDisk) remove(path string) error {
	d.call()
	delete(d.names, filepath.Base(path))
	return nil
}

func (d *cachedDisk) syncDir(string) error {
	d.call()
	d.durable = maps.Clone(d.names)
	return nil
}

type cachedFile struct {
	*inode
	d *cachedDisk
}

func (f cachedFile) Name() string { return f.name }
func (f cachedFile) Close() error { f.d.call(); return nil }

func (f cachedFile) Write(data []byte) (int, error) {
	f.d.call()
	f.data, f.safe = append(f.data, data...), false
	return len(data), nil
}

func (f cachedFile) Sync() error {
	f.d.call()
	f.safe = true
	return nil
}

// after calls see for every state that a power cut may leave: each name as it was last
// synced or as it is now, and of data that was not synced any part.
func (d *cachedDisk) after(see func(files map[string]string)) {
	names := slices.Collect(maps.Keys(d.names))
	for name := range d.durable {
		if d.names[name] == nil {
			names = append(names, name)
		}
	}
	var choose func(i int, files map[string]string)
	choose = func(i int, files map[string]string) {
		if i == len(names) {
			see(files)
			return
		}
		nodes := []*inode{d.names[names[i]]}
		if old := d.durable[names[i]]; old != nodes[0] {
			nodes = append(nodes, old)
		}
		for _, node := range nodes {
			if node == nil {
				choose(i+1, files)
				continue
			}
			kept := []int{len(node.data)}
			if !node.safe {
				kept = []int{0, len(node.data) / 2, len(node.data)}
			}
			for _, n := range kept {
				with := maps.Clone(files)
				with[names[i]] = string(node.data[:n])
				choose(i+1, with)
			}
		}
	}
	choose(0, map[string]string{})
}

// writeUntil writes, and reports whether the power was cut.
func writeUntil(d *cachedDisk, path string) (backup string, err error, cut bool) { //nolint:revive // cut is what happened to err
	defer func() {
		if v := recover(); v != nil {
			_, cut = v.(powerCut)
		}
	}()
	backup, err = writePeers(d, path, newFile)
	return backup, err, false
}

// The power is cut after every call: of the first write, of one over an older list, and
// of the try after one that was killed when the backup had its name, but not for good.
func TestGuarantee16_P13_EveryPowerCut(t *testing.T) {
	const old = "[\"10.0.0.7:8300\"]\n"
	backup := "peers.json." + sumOf(old) + ".bak"
	files := map[string]string{"peers.json": old}
	states := cutEverywhere(t, nil, "", "") + cutEverywhere(t, files, old, "") + cutEverywhere(t, files, old, backup)
	require.Greater(t, states, 50)
}

func cutEverywhere(t *testing.T, before map[string]string, old, named string) (states int) {
	wanted := encoded(t, newFile)
	for stopAt := 0; ; stopAt++ {
		d := newCachedDisk(before, stopAt)
		if named != "" {
			d.names[named] = &inode{named, []byte(old), true}
		}
		backup, err, cut := writeUntil(d, "peers.json")
		d.after(func(files map[string]string) {
			states++
			require.Contains(t, []string{old, wanted}, files["peers.json"], "after call %d", stopAt)
			if old != "" && files["peers.json"] == wanted {
				require.Equal(t, old, files["peers.json."+sumOf(old)+".bak"], "after call %d: no backup", stopAt)
			}
			if !cut {
				require.NoError(t, err)
				require.Equal(t, wanted, files["peers.json"], "it was said to be written")
				require.Equal(t, old, files[backup])
			}
		})
		if !cut {
			return states
		}
	}
}

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
