// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/hashicorp/raft"
)

// readPending reads the peers.json in dir; nil: there is none. What is wrong with its
// text is in Pending.Err; an error is one of the file system.
func readPending(dir string, local raft.Server, single bool) (*Pending, error) {
	if dir == "" {
		return nil, nil
	}
	path := filepath.Join(dir, peersName)
	file, err := ReadPeers(path, ParseConfig{Local: local, AllowSingle: single})
	var wrong *FileError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &wrong):
		return &Pending{Path: path, Err: err}, nil
	case err != nil:
		return nil, err
	}
	return &Pending{Path: path, Servers: file.Servers}, nil
}

// digest is of the list in the file; zero: there is none, or it cannot be read.
func (p *Pending) digest() Digest {
	if p == nil || p.Err != nil {
		return Digest{}
	}
	return DigestOf(p.Servers)
}
