// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// WritePeers puts f at path, with the mode 0600. What is at path is the old content or
// the new one, whatever fails and whenever the machine stops. When it returns nil, the
// new content is on the disk and was read back.
//
// The old content is kept beside it, on the disk before the new one is: backup is its
// path, path.<12 digits of its SHA-256>.bak, and "" if there was none, or it was the
// same. Backups are never removed. A crash can leave a file path.<digits>.tmp, which
// nothing reads.
//
// Run it as the user the server runs as. f is checked as [File.Encode] does, and
// nothing is written if that refuses it.
func WritePeers(path string, f File) (backup string, err error) {
	return writePeers(osDisk{}, path, f)
}

func writePeers(d disk, path string, f File) (backup string, err error) {
	data, err := f.Encode()
	if err != nil {
		return "", err
	}
	old, err := d.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("peers: reading what is there: %w", err)
	case len(old) > maxFile:
		return "", fmt.Errorf("peers: %s has more than %d bytes and is no list of servers: move it away first", path, maxFile)
	case !bytes.Equal(old, data):
		if backup, err = keep(d, path, old); err != nil {
			return "", fmt.Errorf("peers: keeping a copy of %s: %w", path, err)
		}
	}
	if err := replace(d, path, data); err != nil {
		return backup, fmt.Errorf("peers: writing %s: %w", path, err)
	}
	return backup, nil
}

// keep makes a copy of old beside path. Its name is made of its content: after a crash
// the next try finds the copy that was made, and no copy ever takes another's place.
func keep(d disk, path string, old []byte) (backup string, err error) {
	sum := sha256.Sum256(old)
	backup = fmt.Sprintf("%s.%x.bak", path, sum[:6])
	there, err := d.read(backup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return backup, replace(d, backup, old)
	case err != nil:
		return "", err
	case !bytes.Equal(there, old):
		return "", fmt.Errorf("%s is there, with another content: move it away", backup)
	}
	return backup, d.syncDir(filepath.Dir(path))
}

// replace swaps data in, and reads it back.
func replace(d disk, path string, data []byte) error {
	if err := swap(d, path, data); err != nil {
		return err
	}
	there, err := d.read(path)
	if err != nil {
		return fmt.Errorf("reading it back: %w", err)
	}
	if !bytes.Equal(there, data) {
		return errors.New("read back, it is not what was written: somebody else writes it, too")
	}
	return nil
}

// swap puts data at path in one step that survives a crash: the file is on the disk
// before it gets its name, and the name is before swap returns.
func swap(d disk, path string, data []byte) error {
	temp, err := d.create(path)
	if err != nil {
		return err
	}
	if err := fill(temp, data); err != nil {
		return errors.Join(err, d.remove(temp.Name()))
	}
	if err := d.rename(temp.Name(), path); err != nil {
		return errors.Join(err, d.remove(temp.Name()))
	}
	return d.syncDir(filepath.Dir(path))
}

// fill writes, syncs and closes.
func fill(f diskFile, data []byte) error {
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
