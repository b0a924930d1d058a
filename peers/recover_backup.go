// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	quarantine   = "raftkeel-quarantine" // beside snapshots/: no loader looks there
	manifestName = "raftkeel-manifest.json"
	partial      = ".partial"
)

// backup copies a directory of raft's below itself. The copy has its final name only when
// it is complete and verified; one that has it is never written to again.
type backup struct {
	root        string
	progress    func(done, total int64)
	free        func(string) (uint64, bool)
	done, total int64
}

// manifest is written into each copy: what it is of, and what must be in it.
type manifest struct {
	Last  Entry        `json:"last"` // where the log of the original ended
	Files []copiedFile `json:"files"`
}

type copiedFile struct {
	Path   string `json:"path"` // with slashes, below the directory
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// run returns the directory with the copy: the one of an earlier run, if that was
// interrupted after it. A new one would be of what the recovery has left half done.
func (b *backup) run(ctx context.Context, name string, last Entry) (string, error) {
	to := filepath.Join(b.root, quarantine, name)
	if _, err := os.Lstat(to); err == nil {
		return to, b.reuse(to, last)
	}
	files, err := b.list()
	if err != nil {
		return "", err
	}
	if err := b.fits(); err != nil {
		return "", err
	}
	temp := to + partial
	if err := os.RemoveAll(temp); err != nil { // ours, from a run that was interrupted
		return "", err
	}
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return "", err
	}
	m := manifest{Last: last}
	for _, path := range files {
		copied, err := b.copy(ctx, path, temp)
		if err != nil {
			return "", fmt.Errorf("copy %s: %w", path, err)
		}
		m.Files = append(m.Files, copied)
	}
	if err := m.write(temp); err != nil {
		return "", err
	}
	if err := syncTree(temp); err != nil {
		return "", err
	}
	if err := os.Rename(temp, to); err != nil {
		return "", err
	}
	return to, errors.Join(osDisk{}.syncDir(filepath.Dir(to)), osDisk{}.syncDir(b.root))
}

// list finds what is to be copied, and how much it is. Links and devices are refused: a
// copy of a link is no copy.
func (b *backup) list() (files []string, err error) {
	state := false
	err = filepath.WalkDir(b.root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == quarantine && filepath.Dir(path) == filepath.Clean(b.root):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither file nor directory; copy the state yourself and set RecoverConfig.Backup", path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(b.root, path)
		if err != nil {
			return err
		}
		files = append(files, filepath.ToSlash(rel))
		b.total += 2 * info.Size() // written, and read back
		state = state || rel != peersName
		return nil
	})
	if err == nil && !state {
		return nil, fmt.Errorf("%w: %s holds no state; if the stores are elsewhere or in memory, set RecoverConfig.Backup, or NoBackup", ErrNoBackup, b.root)
	}
	return files, err
}

// fits leaves a little more than the copy needs: the recovery writes a snapshot, too.
func (b *backup) fits() error {
	free := b.free
	if free == nil {
		free = diskFree
	}
	need := uint64(b.total/2) + uint64(b.total/20)
	if have, known := free(b.root); known && have < need {
		return fmt.Errorf("the copy needs %d bytes and %s has %d free; make room, or copy the state elsewhere and set RecoverConfig.Backup", need, b.root, have)
	}
	return nil
}

// reuse makes sure that an existing copy is of this very state.
func (b *backup) reuse(dir string, last Entry) error {
	var m manifest
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return fmt.Errorf("%s is there, and is no complete copy: %w; move it elsewhere and run this again", dir, err)
	}
	if m.Last != last {
		return fmt.Errorf("%s holds a copy that ends at term %d, index %d, and this server ends at term %d, index %d; move it elsewhere and run this again",
			dir, m.Last.Term, m.Last.Index, last.Term, last.Index)
	}
	return nil
}

func (m manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, manifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// syncTree makes the names in all directories of a tree last.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return osDisk{}.syncDir(path)
	})
}
