// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// Severity says how urgent a finding is.
type Severity uint8

// The severities.
const (
	Info     Severity = iota // good to know
	Warning                  // reconciling goes on; somebody should look
	Critical                 // something is refused because of it
)

var severityNames = [...]string{Info: "info", Warning: "warning", Critical: "critical"}

// String is the severity in lower case.
func (s Severity) String() string {
	if int(s) >= len(severityNames) {
		return "severity(?)"
	}
	return severityNames[s]
}

// MarshalText is String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Code names a kind of finding, or why a change is made or not. Codes are stable:
// programs may compare them. Each is a constant of this package.
type Code string

// Finding is something a person should know: what is wrong, where, and what to do.
type Finding struct {
	Code     Code          `json:"code"`
	Severity Severity      `json:"severity"`
	Server   raft.ServerID `json:"server,omitempty"` // "": not about one server
	Detail   string        `json:"detail"`           // what was seen, with numbers
	Advice   string        `json:"advice,omitempty"` // what to do next
}

// String is one line, without a line break whatever the ids hold.
func (f Finding) String() string {
	s := f.Severity.String() + " " + string(f.Code)
	if f.Server != "" {
		s += fmt.Sprintf(" %q", string(f.Server))
	}
	if s += ": " + f.Detail; f.Advice != "" {
		s += "; " + f.Advice
	}
	return s
}
