// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/raft"
)

// maxReply is how long a Reply may be, as JSON.
const maxReply = 1 << 20

// plainReply is a Reply without its methods.
type plainReply Reply

// wireReply has the servers in a form in which a missing suffrage is an error; the outer
// Servers hides the inner one from encoding/json.
type wireReply struct {
	plainReply
	Servers []wireServer `json:"servers,omitempty"`
}

// MarshalJSON is what [Local] answers. It refuses what would not be read back as it is:
// an id that is not UTF-8, more than 1,000 servers or 1 MiB.
func (r Reply) MarshalJSON() ([]byte, error) {
	w := wireReply{plainReply: plainReply(r)}
	texts := []string{string(r.ID), string(r.Address), r.ClusterID, string(r.Leader)}
	for _, s := range r.Servers {
		w.Servers = append(w.Servers, toWire(s))
		texts = append(texts, string(s.ID), string(s.Address))
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("peers: reply: %s is not UTF-8", quote(text))
		}
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(w)
	if err == nil && len(data) > maxReply {
		err = fmt.Errorf("peers: reply: %d bytes, more than %d", len(data), maxReply)
	}
	return data, err
}

// UnmarshalJSON takes what MarshalJSON made, by this version or a later one: it passes
// over keys that it does not know, so that a cluster can be upgraded server by server.
// All else is strict. Each key may come once, and null is no value. What this version
// always sends must be there: that a key is missing must not read as "lost its disk".
func (r *Reply) UnmarshalJSON(data []byte) error {
	if len(data) > maxReply {
		return fmt.Errorf("peers: reply: more than %d bytes", maxReply)
	}
	if !utf8.Valid(data) {
		return errors.New("peers: reply: not UTF-8")
	}
	keys, err := uniqueKeys(data)
	if err != nil {
		return fmt.Errorf("peers: reply: %w", err)
	}
	for _, key := range []string{"id", "address", "has_state", "term", "last_term", "last_index", "running", "leading"} {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("peers: reply: no %q", key)
		}
	}
	var w wireReply
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("peers: reply: %w", err)
	}
	if err := w.check(); err != nil {
		return err
	}
	*r = Reply(w.plainReply)
	r.Servers = nil
	for _, s := range w.Servers {
		r.Servers = append(r.Servers, raft.Server{ID: s.ID, Address: s.Address, Suffrage: suffrageOf(s)})
	}
	return nil
}

// check is what both ends demand.
func (w wireReply) check() error {
	switch {
	case w.ID == "":
		return errors.New("peers: reply: no id: nobody in particular answers")
	case w.Expect < 0:
		return fmt.Errorf("peers: reply: expect is %d: want 0 or more", w.Expect)
	case len(w.Servers) > maxServers:
		return fmt.Errorf("peers: reply: %d servers, more than %d", len(w.Servers), maxServers)
	}
	for i, s := range w.Servers {
		if s.ID == "" || s.Address == "" {
			return fmt.Errorf("peers: reply: server %d of %d has no id or no address", i+1, len(w.Servers))
		}
		if s.Suffrage != "voter" && s.Suffrage != "nonvoter" {
			return fmt.Errorf("peers: reply: server %s has the suffrage %s: want voter or nonvoter", quote(string(s.ID)), quote(s.Suffrage))
		}
	}
	return nil
}

func suffrageOf(s wireServer) raft.ServerSuffrage {
	if s.Suffrage == "voter" {
		return raft.Voter
	}
	return raft.Nonvoter
}

// uniqueKeys returns the keys of the outermost object. It refuses, at any depth, what
// encoding/json does not mind: a key that comes twice, a key in capitals, of which it
// takes the one that comes last, and null, which changes nothing there.
func uniqueKeys(data []byte) ([]string, error) {
	type level struct {
		keys  map[string]bool // nil in a list
		value bool            // the next token is the value of a key
	}
	var outer []string
	var stack []level
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return outer, nil
		} else if err != nil {
			return nil, err
		}
		if t == nil {
			return nil, errors.New("null is no value")
		}
		if t == json.Delim('}') || t == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].keys != nil {
			if key, ok := t.(string); ok && !stack[n-1].value {
				if err := addKey(stack[n-1].keys, key); err != nil {
					return nil, err
				}
				if n == 1 {
					outer = append(outer, key)
				}
				stack[n-1].value = true
				continue
			}
			stack[n-1].value = false
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

func addKey(keys map[string]bool, key string) error {
	if strings.ContainsFunc(key, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) {
		return fmt.Errorf("the key %s: want lower-case letters, digits and _", quote(key))
	}
	if keys[key] {
		return fmt.Errorf("the key %s comes twice", quote(key))
	}
	keys[key] = true
	return nil
}
