// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Kind names a fault. Its text form is the one schedules are written in.
type Kind uint8

// The kinds. The comment says when a fault of the kind counts as fired.
const (
	Kick         Kind = iota + 1 // raft took the injected TimeoutNow
	Transfer                     // raft reported the transfer as done
	Isolate                      // a message was refused because of it
	Partition                    // a message was refused because of it
	Pause                        // raft's main loop took the call that blocks it
	Crash                        // the raft instance has stopped
	Wipe                         // the stores are blank
	Delay                        // a message was held up
	Drop                         // a request was lost
	DropResponse                 // a request was executed and its response lost
	Duplicate                    // a second copy of a request was handed to raft
	Cut                          // a message was refused
	BlackHole                    // a message was swallowed
	SlowLog                      // StoreLogs was held up
	HangLog                      // StoreLogs began to hang
	FailLog                      // StoreLogs returned the error
	FailSnapshot                 // a snapshot sink returned the error
	SlowFSM                      // Apply was held up
	HangFSM                      // Apply began to hang
	FailRestore                  // Restore returned the error
	kindEnd
)

var kindNames = [kindEnd]string{
	Kick: "kick", Transfer: "transfer", Isolate: "isolate", Partition: "partition",
	Pause: "pause", Crash: "crash", Wipe: "wipe", Delay: "delay", Drop: "drop",
	DropResponse: "drop-response", Duplicate: "duplicate", Cut: "cut",
	BlackHole: "black-hole", SlowLog: "slow-log", HangLog: "hang-log",
	FailLog: "fail-log", FailSnapshot: "fail-snapshot", SlowFSM: "slow-fsm",
	HangFSM: "hang-fsm", FailRestore: "fail-restore",
}

func (k Kind) valid() bool { return k > 0 && k < kindEnd }

// String is the kind's name in a schedule, such as "black-hole".
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

func parseKind(name string) (Kind, error) {
	if k := slices.Index(kindNames[:], name); k > 0 && name != "" {
		return Kind(k), nil
	}
	return 0, fmt.Errorf("unknown fault %q: want one of %s", name, strings.Join(kindNames[1:], ", "))
}

// Count says how often a kind was asked for and how often it happened.
type Count struct {
	Requested uint64 // calls and schedule steps that set such a fault
	Fired     uint64 // times it really happened; see the kinds
}

// Counts holds the kinds that were requested or fired. Faults that were never
// asked for are absent.
type Counts map[Kind]Count

// Silent lists the kinds that were requested and never fired, in the order of
// the constants. A run with silent kinds has proved less than it claims.
func (c Counts) Silent() []Kind {
	var silent []Kind
	for k := Kind(1); k < kindEnd; k++ {
		if c[k].Requested > 0 && c[k].Fired == 0 {
			silent = append(silent, k)
		}
	}
	return silent
}

// String lists the kinds on one line, as kind=fired/requested.
func (c Counts) String() string {
	var parts []string
	for k := Kind(1); k < kindEnd; k++ {
		if n, ok := c[k]; ok {
			parts = append(parts, fmt.Sprintf("%v=%d/%d", k, n.Fired, n.Requested))
		}
	}
	return strings.Join(parts, " ")
}

// counters is written from every goroutine of the cluster.
type counters struct {
	requested, fired [kindEnd]atomic.Uint64
}

func (c *counters) request(k Kind) { c.requested[k].Add(1) }
func (c *counters) fire(k Kind)    { c.fired[k].Add(1) }

func (c *counters) counts() Counts {
	counts := make(Counts)
	for k := Kind(1); k < kindEnd; k++ {
		n := Count{Requested: c.requested[k].Load(), Fired: c.fired[k].Load()}
		if n != (Count{}) {
			counts[k] = n
		}
	}
	return counts
}

// check is the validity floor: a fault that never fired tested nothing.
func (c *counters) check() error {
	silent := c.counts().Silent()
	if len(silent) == 0 {
		return nil
	}
	names := make([]string, len(silent))
	for i, k := range silent {
		names[i] = k.String()
	}
	return fmt.Errorf("%w: %s; give the fault traffic to bite, or more time, or do not ask for it",
		ErrNeverFired, strings.Join(names, ", "))
}
