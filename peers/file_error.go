// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Why a peers.json is refused.
const (
	FileTooLarge         Code = "file-too-large"         // more than 1 MiB
	FileEncoding         Code = "file-encoding"          // a byte order mark, or not UTF-8
	FileSyntax           Code = "file-syntax"            // no JSON, or cut short
	FileTrailing         Code = "file-trailing"          // something follows the list; raft would not see it
	FileNotList          Code = "file-not-list"          // JSON, and no list
	FileEmpty            Code = "file-empty"             // nothing, null or []
	FileTooMany          Code = "file-too-many"          // more than 1,000 servers
	FileBadEntry         Code = "file-bad-entry"         // neither an object nor a string
	FileMixed            Code = "file-mixed"             // both forms in one list
	FileUnknownKey       Code = "file-unknown-key"       // raft would ignore it, or guess
	FileDuplicateKey     Code = "file-duplicate-key"     // raft would take the last
	FileBadValue         Code = "file-bad-value"         // a string where a boolean should be, and so on
	FileMissingKey       Code = "file-missing-key"       // no id, or no address
	FileBadID            Code = "file-bad-id"            // empty, padded with blanks, not printable
	FileBadAddress       Code = "file-bad-address"       // not what others can dial
	FileDuplicateID      Code = "file-duplicate-id"      // two servers with one id
	FileDuplicateAddress Code = "file-duplicate-address" // two servers at one endpoint, however spelled
	FileNoVoter          Code = "file-no-voter"          // nobody could lead
	FileSingle           Code = "file-single"            // one server, without ParseConfig.AllowSingle
	FileNoLocal          Code = "file-no-local"          // this server is not in the list
	FileLocalElsewhere   Code = "file-local-elsewhere"   // this server is listed at an address that is not its own
)

// maxProblems is how many a FileError holds: who has more starts again.
const maxProblems = 20

// Problem is a Finding with its place in a file.
type Problem struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // in characters, from 1
	Finding
}

// String is one line: place, detail and advice.
func (p Problem) String() string {
	s := fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Detail)
	if p.Advice != "" {
		s += "; " + p.Advice
	}
	return s + " (" + string(p.Code) + ")"
}

// FileError says why a peers.json is refused.
type FileError struct {
	Path     string    // "": from ParsePeers
	Problems []Problem // at least one, at most 20, by their place
}

// Error has a line for each problem.
func (e *FileError) Error() string {
	name := e.Path
	if name == "" {
		name = "peers.json"
	}
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("peers: %s: %s", name, p)
	}
	return strings.Join(lines, "\n")
}

// report notes a problem at an offset. Its place is worked out once, at the end.
func (p *parser) report(at int, code Code, detail, advice string) {
	if len(p.problems) < maxProblems {
		f := Finding{Code: code, Severity: Critical, Detail: detail, Advice: advice}
		p.problems = append(p.problems, found{at, f})
	}
}

// found is a finding at an offset.
type found struct {
	at      int
	finding Finding
}

func (p *parser) failure() *FileError {
	slices.SortStableFunc(p.problems, func(a, b found) int { return a.at - b.at })
	e := &FileError{}
	for _, f := range p.problems {
		before := p.data[:min(f.at, len(p.data))]
		line := strings.Count(string(before), "\n")
		start := strings.LastIndexByte(string(before), '\n') + 1
		e.Problems = append(e.Problems, Problem{line + 1, utf8.RuneCount(before[start:]) + 1, f.finding})
	}
	return e
}

// quote shows the beginning of what somebody wrote, on one line.
func quote(s string) string {
	const most = 60
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q and %d bytes more", s[:most], len(s)-most)
}
