// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/internal/datadir"
)

const (
	// inspectAll entries are read whatever they are: more than a log holds with raft's
	// defaults. In a longer one, reading stops when the current list and the one before
	// it are known.
	inspectAll = 1 << 15

	progressEvery = 1 << 12
)

// log reads the log from its end backwards: what it looks for is there.
func (in *inspection) log(log datadir.Log) error {
	first, err := in.first(log)
	if err != nil || first.Key == 0 {
		return err
	}
	in.node.FirstLog = first.Key
	var after Entry // the entry that was read before this one
	for e, err := range log.Descend(in.ctx) {
		if in.ctx.Err() != nil {
			return in.ctx.Err()
		}
		if err != nil {
			in.damaged(e, err)
			continue
		}
		in.entry(e, after)
		after = Entry{e.Term, e.Index}
		if in.node.Read%progressEvery == 0 && in.config.Progress != nil {
			in.config.Progress(in.node.Read, in.last.Index-first.Key+1)
		}
		if in.node.Read >= inspectAll && in.known(e.Index) >= 2 && e.Index > first.Key {
			in.notes.add(InspectPartial, Info, fmt.Sprintf("the newest %d of about %d entries were read, down to %d", in.node.Read, in.last.Index-first.Key+1, e.Index), "")
			break
		}
	}
	// The first entry may be the one of a bootstrap, which tells clusters apart.
	if n := len(in.ofLog); first.Type == raft.LogConfiguration && (n == 0 || in.ofLog[n-1].Index > first.Index) {
		in.configuration(first)
	}
	return nil
}

// first is the first entry that can be read; its Key is 0 if there is none. Damage before
// it is told when the log is read.
func (in *inspection) first(log datadir.Log) (datadir.Entry, error) {
	for e, err := range log.Ascend(in.ctx, 0) {
		if in.ctx.Err() != nil {
			return e, in.ctx.Err()
		}
		if err == nil {
			e.Data = slices.Clone(e.Data) // it is used after the walk
			return e, nil
		}
	}
	return datadir.Entry{}, in.ctx.Err()
}

// entry takes one entry into account, that after came before.
func (in *inspection) entry(e datadir.Entry, after Entry) {
	in.node.Read++
	switch {
	case in.last.Index == 0:
		in.last = Entry{e.Term, e.Index}
	case e.Index+1 != after.Index:
		in.notes.add(InspectGap, Critical, fmt.Sprintf("entries %d to %d are missing", e.Index+1, after.Index-1), "raft panics when it comes to them; let the server rejoin with an empty directory")
	case e.Term > after.Term:
		in.notes.add(InspectTerms, Critical, fmt.Sprintf("entry %d has term %d, and entry %d after it term %d", e.Index, e.Term, after.Index, after.Term), "terms never fall: one of the two is damaged")
	}
	if e.Type == raft.LogConfiguration {
		in.configuration(e)
	}
}

func (in *inspection) configuration(e datadir.Entry) {
	conf, err := decodeConfiguration(e.Data)
	if err != nil {
		in.damaged(e, err)
		return
	}
	in.ofLog = append(in.ofLog, Configuration{Index: e.Index, Term: e.Term, Servers: conf.Servers, Digest: DigestOf(conf.Servers)})
}

// known is how many of the newest lists are known when the log was read down to index.
func (in *inspection) known(index uint64) int {
	n := len(in.ofLog)
	if in.snapshot == nil || index > in.at.Index {
		return n
	}
	if slices.ContainsFunc(in.ofLog, func(c Configuration) bool { return c.Index == in.snapshot.Index }) {
		return n
	}
	return n + 1
}

func (in *inspection) damaged(e datadir.Entry, err error) {
	detail := err.Error()
	if e.Key > 0 {
		detail = fmt.Sprintf("entry %d: %s", e.Key, detail)
	}
	in.notes.add(InspectDamaged, Critical, detail, "copy the directory before anything else; the log of this server cannot be relied on")
}
