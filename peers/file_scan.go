// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The kinds of tokens that are not a character of their own.
const (
	tokenEnd    = 0
	tokenString = '"'
	tokenWord   = 'w' // true, false, null and numbers
	tokenBad    = '?'
)

// token is a piece of JSON. text is what a string means, or what a word is; of a bad
// token it says what is wrong, and advice what to do.
type token struct {
	kind         byte
	at           int
	text, advice string
}

// shown is t for people, on one line.
func (t token) shown() string {
	if t.kind == tokenString || t.kind == tokenWord {
		return quote(t.text)
	}
	return t.text
}

// scanner cuts JSON into tokens that know where they are, which encoding/json does not
// tell. What it takes for a string or a word encoding/json takes for one, too.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) next() token {
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.at]) >= 0 {
		s.at++
	}
	if s.at == len(s.data) {
		return token{kind: tokenEnd, at: s.at, text: "the end of the file"}
	}
	switch c := s.data[s.at]; {
	case strings.IndexByte("[]{},:", c) >= 0:
		s.at++
		return token{kind: c, at: s.at - 1, text: string(c)}
	case c == '"':
		return s.quoted()
	case isWord(c):
		return s.word()
	case c == '/' || c == '#':
		return token{tokenBad, s.at, "a comment", "JSON has none: remove it"}
	case c == '\'':
		return token{tokenBad, s.at, "a single quote", `write " instead`}
	}
	r, _ := utf8.DecodeRune(s.data[s.at:])
	return token{tokenBad, s.at, fmt.Sprintf("the character %q", r), "remove it"}
}

// quoted finds the end of a string and leaves its meaning to encoding/json, as raft does.
func (s *scanner) quoted() token {
	start := s.at
	for s.at++; s.at < len(s.data) && s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	if s.at >= len(s.data) {
		s.at = len(s.data)
		return token{tokenBad, start, "a string that does not end", `close it with ", or write the rest of the file`}
	}
	s.at++
	t := token{kind: tokenString, at: start}
	if json.Unmarshal(s.data[start:s.at], &t.text) != nil {
		return token{tokenBad, start, "a string that is no JSON: " + quote(string(s.data[start:s.at])), "remove line breaks, control characters and backslashes"}
	}
	return t
}

func (s *scanner) word() token {
	start := s.at
	for s.at < len(s.data) && isWord(s.data[s.at]) {
		s.at++
	}
	return token{kind: tokenWord, at: start, text: string(s.data[start:s.at])}
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == '_'
}
