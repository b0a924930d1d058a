// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// disk is every call by which WritePeers touches a disk, so that tests can let each of
// them fail, and the machine stop at each.
type disk interface {
	read(path string) ([]byte, error)     // all of it, and at most maxFile+1 bytes
	create(path string) (diskFile, error) // a new file beside path, for its owner only
	rename(from, to string) error         // to may be there
	remove(path string) error             // only what create made
	syncDir(path string) error            // makes what was renamed in it last
}

type diskFile interface {
	Name() string
	Write(data []byte) (int, error)
	Sync() error
	Close() error
}

type osDisk struct{}

// read wants a file in the directory itself: a link would not survive the rename.
func (osDisk) read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("no regular file; name the file itself")}
	}
	return readFile(path)
}

func (osDisk) create(path string) (diskFile, error) {
	return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // O_EXCL, 0600
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

// syncDir does nothing on Windows, as raft's own file_snapshot.go: there is no such call.
func (osDisk) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
