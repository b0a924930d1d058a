// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/raft"
)

// fileEntry is an entry as raft's configEntry (peersjson.go) reads it.
type fileEntry struct {
	ID       raft.ServerID      `json:"id"`
	Address  raft.ServerAddress `json:"address"`
	NonVoter bool               `json:"non_voter"`
}

// Encode is f as the bytes of a peers.json, one server a line, in the order of f. Equal
// files have equal bytes, so that any checksum compares them. [ParsePeers] reads the
// bytes as f; what it would refuse is refused here, but for a list of one server.
func (f File) Encode() ([]byte, error) {
	if f.Protocol != 0 && f.Protocol != 2 && f.Protocol != 3 {
		return nil, fmt.Errorf("peers: File.Protocol is %d: want 2 or 3", f.Protocol)
	}
	lines := make([][]byte, len(f.Servers))
	for i, s := range f.Servers {
		value, err := f.entry(s)
		if err != nil {
			return nil, err
		}
		if lines[i], err = encodeLine(value); err != nil {
			return nil, err
		}
	}
	data := append([]byte("[\n  "), bytes.Join(lines, []byte(",\n  "))...)
	data = append(data, "\n]\n"...)
	if _, err := ParsePeers(data, ParseConfig{AllowSingle: true}); err != nil {
		return nil, fmt.Errorf("peers: not to be written, because it could not be read back:\n%w", err)
	}
	return data, nil
}

func (f File) entry(s raft.Server) (any, error) {
	switch {
	case s.Suffrage != raft.Voter && s.Suffrage != raft.Nonvoter:
		return nil, fmt.Errorf("peers: server %s is a %v: a peers.json has voters and nonvoters", quote(string(s.ID)), s.Suffrage)
	case f.Protocol != 2:
		return fileEntry{s.ID, s.Address, s.Suffrage == raft.Nonvoter}, nil
	case s.Suffrage != raft.Voter || string(s.ID) != string(s.Address):
		return nil, fmt.Errorf("peers: server %s at %s: with Protocol 2 all are voters, and the address is the id; use 3",
			quote(string(s.ID)), quote(string(s.Address)))
	}
	return s.Address, nil
}

// encodeLine leaves <, > and & as they are: people read these files.
func encodeLine(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(line.Bytes(), []byte("\n")), err
}
