// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// ledger is the oracle: what the cluster as a whole has applied and
// acknowledged, noted by the state machines as they go, and compared with
// nothing that raft says about itself.
//
// The first server to apply a command at an index sets what everybody must
// apply there. Since an applied command is a committed one, any other history,
// on any server, at any later time, is a violation of State Machine Safety.
type ledger struct {
	mu         sync.Mutex
	entries    []entry // by index
	violations []error
	more       int // violations beyond the limit
}

// entry is a command as first applied, and the chain up to it.
type entry struct {
	term, sum uint64
	chain     Chain
	by        raft.ServerID
	acked     bool
}

const maxViolations = 10

func (l *ledger) violate(format string, args ...any) {
	if len(l.violations) == maxViolations {
		l.more++
		return
	}
	l.violations = append(l.violations, fmt.Errorf("%w: "+format, append([]any{ErrViolated}, args...)...))
}

// find returns the entry at or before an index, and whether it is at it.
func (l *ledger) find(index uint64) (*entry, bool) {
	i, ok := slices.BinarySearchFunc(l.entries, index, func(e entry, at uint64) int {
		return cmp.Compare(e.chain.Index, at)
	})
	switch {
	case ok:
		return &l.entries[i], true
	case i > 0:
		return &l.entries[i-1], false
	default:
		return &entry{}, false
	}
}

// applied notes that a server has applied a command, with its chain after it.
func (l *ledger) applied(server raft.ServerID, term, sum uint64, chain Chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.find(chain.Index)
	if !ok {
		if last := len(l.entries) - 1; last >= 0 && l.entries[last].chain.Index > chain.Index {
			l.violate("%s applied a command at index %d, term %d, where %s, which is further, applied none",
				server, chain.Index, term, l.entries[last].by)
			return
		}
		if want := e.chain.link(chain.Index, term, sum); chain != want {
			l.violate("%s reached index %d, term %d, without every command up to index %d that %s applied (%d commands, want %d)",
				server, chain.Index, term, e.chain.Index, e.by, chain.Commands, want.Commands)
		}
		l.entries = append(l.entries, entry{term: term, sum: sum, chain: e.chain.link(chain.Index, term, sum), by: server})
		return
	}
	switch {
	case e.term != term || e.sum != sum:
		l.violate("%s applied another command at index %d (term %d) than %s (term %d)", server, chain.Index, term, e.by, e.term)
	case e.chain != chain:
		l.violate("%s has another history before index %d, term %d, than %s (%d commands, want %d)",
			server, chain.Index, term, e.by, chain.Commands, e.chain.Commands)
	}
}

// restored notes that a server has loaded a snapshot.
func (l *ledger) restored(server raft.ServerID, chain Chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.find(chain.Index); chain != e.chain || (!ok && chain.Index != 0) {
		l.violate("%s restored a snapshot with another history up to index %d than %s", server, chain.Index, e.by)
	}
}

// acknowledged notes that a client was told his command is committed.
func (l *ledger) acknowledged(server raft.ServerID, index uint64, sum uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.find(index)
	if !ok || e.sum != sum {
		l.violate("%s acknowledged a write at index %d that nobody applied there", server, index)
		return
	}
	e.acked = true
}

// compare checks a server's chain against all that was ever applied.
func (l *ledger) compare(server raft.ServerID, chain Chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return
	}
	last := l.entries[len(l.entries)-1]
	if chain == last.chain {
		return
	}
	lost := "applied"
	if i := slices.IndexFunc(l.entries, func(e entry) bool { return e.acked && e.chain.Index > chain.Index }); i >= 0 {
		lost, last = "acknowledged", l.entries[i]
	}
	l.violate("%s ends at index %d with %d commands; the command %s at index %d, term %d (first by %s) is not in its history or not the same",
		server, chain.Index, chain.Commands, lost, last.chain.Index, last.term, last.by)
}

func (l *ledger) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := slices.Clone(l.violations)
	if l.more > 0 {
		errs = append(errs, fmt.Errorf("%w: and %d more", ErrViolated, l.more))
	}
	return errors.Join(errs...)
}
