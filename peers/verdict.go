// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Action is what a server may do with its stores before raft starts.
type Action uint8

// The actions.
const (
	ActWait      Action = iota // look again later; raft must not start
	ActStart                   // start raft on what the disk holds, be it nothing
	ActBootstrap               // write Verdict.Servers as the first entry, then start
	ActRecover                 // force Verdict.Servers with raft.RecoverCluster, then start
	ActRefuse                  // a person has to decide; raft must not start
)

var actionNames = [...]string{
	ActWait: "wait", ActStart: "start", ActBootstrap: "bootstrap", ActRecover: "recover", ActRefuse: "refuse",
}

// String is the action in lower case, such as "start".
func (a Action) String() string {
	if int(a) >= len(actionNames) {
		return "action(?)"
	}
	return actionNames[a]
}

// MarshalText is String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// The codes of a boot check's findings.
const (
	BootAmnesia     Code = "boot-amnesia"      // blank, and a voter elsewhere: it lost its disk
	BootStale       Code = "boot-stale"        // others have removed this server
	BootDiffers     Code = "boot-differs"      // others hold another list
	BootConflict    Code = "boot-conflict"     // another list at the same index: two bootstraps
	BootForeign     Code = "boot-foreign"      // a server of another cluster
	BootImpostor    Code = "boot-impostor"     // somebody else answers where a server should
	BootAddress     Code = "boot-address"      // two addresses for a server, or two servers at one
	BootUnreachable Code = "boot-unreachable"  // a server that could not be asked
	BootExpect      Code = "boot-expect"       // another bootstrap-expect, or an ignored one
	BootPromise     Code = "boot-promise"      // somebody may have bootstrapped with an earlier offer
	BootNoList      Code = "boot-no-list"      // state without a list of servers
	BootPeersFile   Code = "boot-peers-file"   // something about peers.json
	BootSourceFails Code = "boot-source-fails" // discovery could not be asked
)

// Verdict is what a boot check decided, and why.
type Verdict struct {
	Action   Action        `json:"action"`
	Reason   string        `json:"reason"` // for people
	Servers  []raft.Server `json:"-"`      // to bootstrap or to recover with
	Digest   Digest        `json:"digest,omitzero"`
	Offer    Offer         `json:"offer,omitzero"` // what this server must tell others from now on
	Findings []Finding     `json:"findings,omitempty"`

	// Retry is when to look again, of ActWait; earlier if discovery has news.
	Retry time.Duration `json:"retry,omitempty"`

	bound *bound // nil: not from Boot
}

// bound is whose verdict it is.
type bound struct {
	BootConfig
	last Entry // where the log ended
}

// String is the verdict and its findings, a line each.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Action, v.Reason)
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	return b.String()
}
