// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/raft"
)

// parser reads the two forms of a peers.json. It stops where it loses the thread, and
// goes on after keys and values that are wrong, to report all of them in one go.
type parser struct {
	scanner
	start    int // of the list
	entries  []entry
	problems []found
}

// entry is a server with the offsets of what was said about it.
type entry struct {
	server      raft.Server
	at          int
	id, address int // offsets; -1: missing
	plain       bool
}

// precheck is about the bytes: what fails here would fail everywhere.
func (p *parser) precheck() bool {
	switch {
	case len(p.data) > maxFile:
		p.report(maxFile, FileTooLarge, fmt.Sprintf("more than %d bytes", maxFile), "this is no list of servers; look for the right file")
	case bytes.HasPrefix(p.data, []byte("\xef\xbb\xbf")):
		p.report(0, FileEncoding, "a byte order mark", "save the file as UTF-8 without BOM")
	case bytes.HasPrefix(p.data, []byte("\xff\xfe")), bytes.HasPrefix(p.data, []byte("\xfe\xff")):
		p.report(0, FileEncoding, "UTF-16", "save the file as UTF-8 without BOM")
	case !utf8.Valid(p.data):
		at := 0
		for r, n := utf8.DecodeRune(p.data); r != utf8.RuneError || n != 1; r, n = utf8.DecodeRune(p.data[at:]) {
			at += n
		}
		p.report(at, FileEncoding, fmt.Sprintf("byte %#x is not UTF-8", p.data[at]), "save the file as UTF-8, or type the entry again")
	default:
		return true
	}
	return false
}

// list reports whether the data begins with a list, whose entries may be wrong.
func (p *parser) list() bool {
	t := p.next()
	p.start = t.at
	if t.kind != '[' {
		p.notList(t)
		return false
	}
	for t = p.next(); t.kind != ']' || len(p.entries) > 0; t = p.next() {
		if len(p.entries) == maxServers {
			p.report(t.at, FileTooMany, fmt.Sprintf("more than %d servers", maxServers), "list only the servers that raft needs, not their clients")
			return false
		}
		if !p.entry(t) {
			return false
		}
		if t = p.next(); t.kind == ']' {
			break
		} else if t.kind != ',' {
			return p.unexpected(t, ", or ]")
		}
	}
	if t = p.next(); t.kind != tokenEnd {
		p.report(t.at, FileTrailing, "something follows the list: "+t.shown(), "raft would not read it: remove it, or move it into the list")
	}
	return true
}

func (p *parser) notList(t token) {
	const form = `write [{"id": "n1", "address": "10.0.0.1:8300", "non_voter": false}, ...]`
	switch {
	case t.kind == tokenEnd, t.kind == tokenWord && t.text == "null":
		p.report(t.at, FileEmpty, "no servers", form)
	case t.kind == '{':
		p.report(t.at, FileNotList, "an object, not a list", "write only the list, without names around it: "+form)
	case t.kind == tokenString, t.kind == tokenWord:
		p.report(t.at, FileNotList, "no list: "+t.shown(), form)
	default:
		p.unexpected(t, "[")
	}
}

func (p *parser) entry(t token) bool {
	e := entry{at: t.at, id: -1, address: -1}
	ok := true
	switch t.kind {
	case tokenString:
		e.plain, e.id, e.address = true, t.at, t.at
		e.server = raft.Server{ID: raft.ServerID(t.text), Address: raft.ServerAddress(t.text)}
	case '{':
		ok = p.object(&e)
	case ']':
		return p.unexpected(t, "a server after the comma")
	case tokenWord, '[':
		p.report(t.at, FileBadEntry, "no server: "+t.shown(), `write {"id": "n1", "address": "10.0.0.1:8300"}`)
		return false
	default:
		return p.unexpected(t, "a server")
	}
	p.entries = append(p.entries, e)
	return ok
}

func (p *parser) object(e *entry) bool {
	seen := map[string]bool{}
	t := p.next()
	if t.kind == '}' {
		return true
	}
	for ; ; t = p.next() {
		if t.kind != tokenString {
			return p.unexpected(t, "a key in quotes")
		}
		if colon := p.next(); colon.kind != ':' {
			return p.unexpected(colon, "a colon")
		}
		if seen[t.text] {
			p.report(t.at, FileDuplicateKey, "the key "+quote(t.text)+" for the second time", "raft would take the last: keep one")
		}
		seen[t.text] = true
		if !p.field(e, t) || len(p.problems) == maxProblems {
			return false
		}
		if t = p.next(); t.kind == '}' {
			return true
		} else if t.kind != ',' {
			return p.unexpected(t, ", or }")
		}
	}
}

// field reads the value of a key. It reports whether what follows can be read.
func (p *parser) field(e *entry, key token) bool {
	v := p.next()
	if !p.skip(v) {
		return false
	}
	want := byte(tokenString)
	switch key.text {
	case "id":
		e.id, e.server.ID = v.at, raft.ServerID(v.text)
	case "address":
		e.address, e.server.Address = v.at, raft.ServerAddress(v.text)
	case "non_voter":
		want = tokenWord
		if v.text == "true" {
			e.server.Suffrage = raft.Nonvoter
		}
	default:
		p.report(key.at, FileUnknownKey, "the key "+quote(key.text)+", which raft does not know", instead(key.text))
		return true
	}
	if v.kind != want || want == tokenWord && v.text != "true" && v.text != "false" {
		p.report(v.at, FileBadValue, fmt.Sprintf("the value %s for %q", quote(v.text), key.text), valueOf(want))
	}
	return true
}

func valueOf(kind byte) string {
	if kind == tokenString {
		return "write a string, in quotes"
	}
	return "write true or false, without quotes"
}

// instead says what to write for a key that people take from elsewhere: raft's own
// API prints Suffrage, and every guess at non_voter makes a voter.
func instead(key string) string {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(key)) {
	case "id", "serverid", "nodeid":
		return `write "id"`
	case "address", "addr", "serveraddress", "raftaddress":
		return `write "address"`
	case "nonvoter", "isnonvoter":
		return `raft would make a voter of it: write "non_voter"`
	case "suffrage", "voter", "vote":
		return `raft would make a voter of it: write "non_voter": true for a nonvoter, and nothing for a voter`
	}
	return "remove it"
}

// skip passes over the rest of a value that began with t, whose meaning does not matter.
func (p *parser) skip(t token) bool {
	depth := 0
	for ; ; t = p.next() {
		switch t.kind {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		switch {
		case t.kind == tokenEnd, t.kind == tokenBad, depth < 0, depth == 0 && (t.kind == ',' || t.kind == ':'):
			return p.unexpected(t, "a value")
		case depth == 0:
			return true
		}
	}
}

// unexpected reports what is no JSON, and that nothing more can be read.
func (p *parser) unexpected(t token, want string) bool {
	detail, advice := "found "+t.shown()+", want "+want, t.advice
	if t.kind == tokenEnd {
		detail, advice = "the file ends where "+want+" should be", "it was cut short: write the rest"
	} else if advice == "" {
		advice = "write " + want + " before it, or remove it"
	}
	p.report(t.at, FileSyntax, detail, advice)
	return false
}
