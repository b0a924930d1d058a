// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftkeel/raftkeel/internal/datadir"
)

// snapshots lists the snapshots that raft would find.
func (in *inspection) snapshots() error {
	list, err := in.dir.Snapshots(in.ctx, in.config.Snapshots)
	if in.ctx.Err() != nil {
		return in.ctx.Err()
	}
	if err != nil {
		if !damaged(err) && len(list) == 0 {
			return err
		}
		in.notes.add(InspectSnapshot, Critical, err.Error(), "")
	}
	for _, s := range list {
		for _, flaw := range s.Flaws {
			in.notes.add(InspectSnapshot, Critical, fmt.Sprintf("%s: %v", s.Name, flaw), "copy it before the server starts again, and do not rely on it")
		}
		if s.Meta != nil {
			in.take(s)
		}
	}
	return nil
}

// take adds a snapshot; the first one is the newest. One of version 0 holds its list as
// the transport encoded it (raft api.go, NewRaft), and is too old to meet.
func (in *inspection) take(s datadir.Snapshot) {
	m := s.Meta
	at := Entry{m.Term, m.Index}
	in.node.Snapshots = append(in.node.Snapshots, Snapshot{ID: s.Name, Entry: at, ConfigIndex: m.ConfigurationIndex, Size: s.Size, Taken: taken(s.Name)})
	if in.at.Index > 0 {
		return
	}
	in.at = at
	if m.Version > 0 {
		in.snapshot = &Configuration{Index: m.ConfigurationIndex, Servers: m.Configuration.Servers, Digest: DigestOf(m.Configuration.Servers)}
	}
}

// taken is the time in a snapshot's name, by the clock of its server.
func taken(name string) time.Time {
	ms, err := strconv.ParseInt(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// pending looks at a peers.json. Its one entry may be meant: whoever recovers asks.
func (in *inspection) pending() error {
	data, err := in.dir.ReadFile(in.config.Peers, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var file File
	if err == nil {
		file, err = ParsePeers(data, ParseConfig{AllowSingle: true})
	}
	if err != nil {
		in.notes.add(InspectPeersFile, Critical, err.Error(), "repair it, or move it aside, before the server starts")
		return nil
	}
	in.node.Peers = DigestOf(file.Servers)
	in.notes.add(InspectPending, Info, fmt.Sprintf("%s waits, with %d servers, digest %s", in.config.Peers, len(file.Servers), in.node.Peers), "")
	return nil
}

// conclude puts snapshot and log together as raft does when it starts: the list of the
// snapshot, and then those of the log after it (raft api.go, NewRaft).
func (in *inspection) conclude() {
	n := &in.node
	n.Last = in.last
	if in.at.Index > n.Last.Index {
		n.Last = in.at
	}
	n.HasState = n.HasState || n.Term > 0 || n.Last.Index > 0 // as raft.HasExistingState
	slices.Reverse(in.ofLog)
	n.Configs = in.merge()
	if n.FirstLog > 0 && in.at.Index > 0 && n.FirstLog > in.at.Index+1 {
		in.notes.add(InspectGap, Critical, fmt.Sprintf("the newest snapshot ends at entry %d, and the log begins at %d", in.at.Index, n.FirstLog), "raft panics when it starts; let the server rejoin with an empty directory")
	}
	if n.Term < n.Last.Term {
		in.notes.add(InspectTerms, Critical, fmt.Sprintf("the current term is %d, and that of the last entry %d", n.Term, n.Last.Term), "the server may vote twice in a term; let it rejoin with an empty directory")
	}
	if n.Last.Index > 0 && len(n.Configs) == 0 {
		in.notes.add(InspectNoList, Critical, "there is a log, but no list of servers in it", "a server without a list never elects")
	}
	n.Findings = in.notes.all()
}

func (in *inspection) merge() []Configuration {
	if in.snapshot == nil {
		return in.ofLog
	}
	s := *in.snapshot
	var merged []Configuration
	for _, c := range in.ofLog {
		switch {
		case c.Index > in.at.Index || c.Index == s.Index:
			continue
		default:
			merged = append(merged, c)
		}
	}
	if i := slices.IndexFunc(in.ofLog, func(c Configuration) bool { return c.Index == s.Index }); i >= 0 {
		s.Term = in.ofLog[i].Term
		if s.Digest != in.ofLog[i].Digest {
			s.Term = 0
			in.notes.add(InspectConflict, Critical, fmt.Sprintf("the list of entry %d is %s in the newest snapshot, and %s in the log", s.Index, s.Digest, in.ofLog[i].Digest), "raft goes by the snapshot; one of the two is damaged, or a recovery was cut short")
		}
	}
	merged = append(merged, s)
	for _, c := range in.ofLog {
		if c.Index > in.at.Index {
			merged = append(merged, c)
		}
	}
	return merged
}
