// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/raft"
)

const (
	peersName   = "peers.json"
	asidePrefix = peersName + ".recovered-" // then Digest.String(), and -2, -3, ... if there is one
	maxAside    = 1000
	maxPeers    = 1 << 20
)

// comparePeers makes sure that what is to be done is what the operator wrote: a file that
// was edited after it was read is not the list to recover with.
func (c RecoverConfig) comparePeers(already bool) error {
	path := filepath.Join(c.Dir, peersName)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && already:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no %s; write the planned file first, it is what a second try goes by", ErrOtherPeers, path)
	case err != nil:
		return err
	case info.Size() > maxPeers:
		return fmt.Errorf("%w: %s has %d bytes, more than %d", ErrOtherPeers, path, info.Size(), maxPeers)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := ParsePeers(text, ParseConfig{AllowSingle: true}) // who may stand alone was asked before
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOtherPeers, path, err)
	}
	if got, want := DigestOf(file.Servers), DigestOf(c.Servers); got != want {
		return fmt.Errorf("%w: %s now holds list %s, not %s; start again, so that it is read anew", ErrOtherPeers, path, got, want)
	}
	return nil
}

// setAside renames peers.json, so that the next start does not recover again, and so that
// somebody can see that there was a recovery, and with which list. It replaces nothing.
func setAside(dir string, servers []raft.Server) (string, error) {
	from := filepath.Join(dir, peersName)
	base := filepath.Join(dir, asidePrefix+DigestOf(servers).String())
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return base, nil // an earlier run renamed it
	}
	for i := 1; i <= maxAside; i++ {
		to := base
		if i > 1 {
			to = fmt.Sprintf("%s-%d", base, i)
		}
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(from, to); err != nil {
			return "", fmt.Errorf("the recovery took, but peers.json cannot be renamed: %w; move it away, or the next start recovers again", err)
		}
		return to, osDisk{}.syncDir(dir)
	}
	return "", fmt.Errorf("there are %d files %s*; move them elsewhere and run this again", maxAside, base)
}

// recovered reports whether the newest list of a server came from a recovery and is not in
// the log yet: it has index 1, and the file that [Recover] set aside is there. Its leader
// re-asserts it (State.Recovered). Once it has, the index is that of the new entry.
func recovered(dir string, newest Configuration) (bool, error) {
	if newest.Index != 1 {
		return false, nil
	}
	_, err := os.Lstat(filepath.Join(dir, asidePrefix+newest.Digest.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// isFileName takes the names that we make: nothing that could lead elsewhere.
func isFileName(name string) bool {
	return len(name) < 200 && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\:\x00")
}
