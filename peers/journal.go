// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
)

const (
	maxListed       = 32      // lists that a journal keeps
	maxJournalBytes = 4 << 20 // 32 lists of 1,000 servers are less
)

// Listed is a list of servers that was committed.
type Listed struct {
	Index  uint64    `json:"index"` // of its entry
	Digest Digest    `json:"digest"`
	Time   time.Time `json:"time"` // when this server first saw that it was committed

	// Servers are written as in a peers.json, so that one can be made of them.
	Servers []raft.Server `json:"-"`
}

// listedJSON is a Listed on disk.
type listedJSON struct {
	Listed
	Peers []peerJSON `json:"peers"`
}

// peerJSON is a server as raft.ReadConfigJSON reads it.
type peerJSON struct {
	ID       raft.ServerID      `json:"id"`
	Address  raft.ServerAddress `json:"address"`
	Nonvoter bool               `json:"non_voter"`
}

// ReadJournal returns the lists that a journal holds, oldest first; none if there is no
// such file. An entry that does not have the digest it names is an error.
func ReadJournal(path string) ([]Listed, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("peers: journal: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxJournalBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("peers: journal: %w", err)
	case len(data) > maxJournalBytes:
		return nil, fmt.Errorf("peers: journal %s: more than %d bytes; it is none of ours, move it away", path, maxJournalBytes)
	}
	return parseJournal(path, data)
}

func parseJournal(path string, data []byte) ([]Listed, error) {
	var lists []Listed
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	for line := 1; ; line++ {
		var entry listedJSON
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return lists, nil
		}
		if err == nil {
			for _, p := range entry.Peers {
				s := raft.Server{ID: p.ID, Address: p.Address}
				if p.Nonvoter {
					s.Suffrage = raft.Nonvoter
				}
				entry.Servers = append(entry.Servers, s)
			}
			if got := DigestOf(entry.Servers); got != entry.Digest {
				err = fmt.Errorf("the list has digest %v and names %v", got, entry.Digest)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("peers: journal %s, line %d: %w; move the file away to begin another", path, line, err)
		}
		lists = append(lists, entry.Listed)
	}
}

// journal is a file of the last lists. It is written whole and atomically, when there is
// something new: one that is half written helps nobody.
type journal struct {
	path  string // "": none
	lists []Listed
}

// openJournal reads what a journal holds. It does not make the file, but says so now
// if it cannot be made.
func openJournal(path string) (*journal, error) {
	if path == "" {
		return &journal{}, nil
	}
	lists, err := ReadJournal(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("peers: journal %s: its directory is not there; make it first", path)
	}
	return &journal{path: path, lists: lists}, nil
}

// keep adds a committed list, if it is not the newest already.
func (j *journal) keep(l Listed) error {
	if j.path == "" || len(l.Servers) == 0 {
		return nil
	}
	l.Digest = DigestOf(l.Servers)
	if n := len(j.lists); n > 0 && j.lists[n-1].Index == l.Index && j.lists[n-1].Digest == l.Digest {
		return nil
	}
	lists := append(j.lists[max(0, len(j.lists)-maxListed+1):len(j.lists):len(j.lists)], l)
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	for _, entry := range lists {
		line := listedJSON{Listed: entry}
		for _, s := range entry.Servers {
			line.Peers = append(line.Peers, peerJSON{s.ID, s.Address, s.Suffrage != raft.Voter})
		}
		if err := encoder.Encode(line); err != nil {
			return fmt.Errorf("peers: journal: %w", err)
		}
	}
	if err := swap(osDisk{}, j.path, data.Bytes()); err != nil {
		return fmt.Errorf("peers: journal: %w", err)
	}
	j.lists = lists
	return nil
}
