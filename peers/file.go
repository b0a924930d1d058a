// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/raft"
)

// What a peers.json, and a reply, may hold at most. raft needs about 80 bytes a server.
const (
	maxFile    = 1 << 20
	maxServers = 1000
)

// File is a peers.json: the list of servers that raft is given by
// [raft.RecoverCluster] when no quorum is left to change it. It has two forms, and
// which one a program reads depends on its raft.Config.ProtocolVersion:
//
//	["10.0.0.1:8300", "10.0.0.2:8300"]                                2, raft.ReadPeersJSON
//	[{"id": "n1", "address": "10.0.0.1:8300", "non_voter": false}]    3, raft.ReadConfigJSON
//
// In the first the id of a server is its address, and all are voters.
type File struct {
	Protocol int           // 2 or 3; 0 is taken for 3 when writing
	Servers  []raft.Server // in the order of the file
}

// ParseConfig says what the reader of a peers.json knows. The zero value knows nothing.
type ParseConfig struct {
	// Local is this server: its id must be in the list, at its address. "" in
	// either: not checked. Its Suffrage is not looked at.
	Local raft.Server

	// AllowSingle takes a list of one server. N servers that are each given a list of
	// one are N clusters, and each of them takes writes.
	AllowSingle bool
}

// ParsePeers reads a peers.json of either form. Whatever it accepts, raft's own parsers
// accept with the same meaning; much that those accept it refuses, because it means
// something else than it says. raft ignores what it does not know, so that
// "nonvoter": true makes a voter, takes the last of two equal keys, stops at the end of
// the first list, and dials what is no address.
//
// The error is a [*FileError]: every problem with its line, its column and what to write
// instead. A file has at most 1 MiB and 1,000 servers.
func ParsePeers(data []byte, config ParseConfig) (File, error) {
	p := parser{scanner: scanner{data: data}}
	if p.precheck() && p.list() {
		p.check(config)
	}
	if len(p.problems) > 0 {
		return File{}, p.failure()
	}
	file := File{Protocol: 3}
	for _, e := range p.entries {
		if e.plain {
			file.Protocol = 2
		}
		file.Servers = append(file.Servers, e.server)
	}
	return file, nil
}

// ReadPeers is [ParsePeers] for what is at path. The error is a [*FileError] that names
// the path, or one of the file system; errors.Is(err, fs.ErrNotExist): there is none.
func ReadPeers(path string, config ParseConfig) (File, error) {
	data, err := readFile(path)
	if err != nil {
		return File{}, err
	}
	file, err := ParsePeers(data, config)
	var failure *FileError
	if errors.As(err, &failure) {
		failure.Path = path
	}
	return file, err
}

// readFile reads no more than a byte above what a peers.json may have, and only what is
// a file: opening a pipe would wait for its writer.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("peers: %s is no regular file; put the list itself there", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return data, errors.Join(err, f.Close())
}
