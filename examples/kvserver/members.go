// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

const (
	maxMembers = 64 << 10               // bytes of the file
	glance     = 500 * time.Millisecond // for one server to answer
)

// members is discovery: a file, read whenever somebody looks, and a question to each
// server in it. The file says who there is; only an answer says that it is alive.
//
// Who does not answer is Unknown, and never Failed: it is asked from where raft asks,
// so that a cable that is cut would make two witnesses of one. What speaks against a
// server is that the file no longer has it.
type members struct {
	file   string
	self   raft.ServerID
	prober peers.Prober

	mu    sync.Mutex
	at    map[raft.ServerID]string    // where each was last said to answer HTTP
	alive map[raft.ServerID]time.Time // since when each answers
}

func newMembers(file, self string) *members {
	m := &members{
		file: file, self: raft.ServerID(self),
		at: map[raft.ServerID]string{}, alive: map[raft.ServerID]time.Time{},
	}
	m.prober = peers.NewHTTPProber(nil, m.endpoint)
	return m
}

// endpoint is where a server, also one that the file no longer has, is asked who it is.
func (m *members) endpoint(s raft.Server) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at[s.ID] == "" {
		return ""
	}
	return "http://" + m.at[s.ID] + peers.ProbePath
}

// View implements peers.Source.
func (m *members) View(ctx context.Context) (peers.View, error) {
	listed, err := m.read()
	if err != nil {
		return peers.View{}, err
	}
	var looks sync.WaitGroup
	for i := range listed {
		looks.Go(func() { m.look(ctx, &listed[i]) })
	}
	looks.Wait()
	return peers.StaticSource{Members: listed, Warm: true}.View(ctx) // it checks them, too
}

// look asks a server whether it is alive.
func (m *members) look(ctx context.Context, s *peers.Member) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	answers := s.ID == m.self
	if !answers {
		reply, err := m.prober.Probe(ctx, raft.Server{ID: s.ID, Address: s.Address})
		answers = err == nil && reply.ID == s.ID
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !answers {
		delete(m.alive, s.ID)
		return
	}
	if m.alive[s.ID].IsZero() {
		m.alive[s.ID] = time.Now()
	}
	s.Health, s.Since = peers.Alive, m.alive[s.ID]
}

// me is the line of this server.
func (m *members) me() (peers.Member, error) {
	listed, err := m.read()
	if err != nil {
		return peers.Member{}, err
	}
	i := slices.IndexFunc(listed, func(s peers.Member) bool { return s.ID == m.self })
	if i < 0 {
		return peers.Member{}, fmt.Errorf("-id %q is not in %s", string(m.self), m.file)
	}
	return listed[i], nil
}

// read takes lines of an id, an address of raft and one of HTTP. The last one has to
// end, too: a file that is just being written is no list.
func (m *members) read() (listed []peers.Member, err error) {
	f, err := os.Open(m.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written to it
	b, err := io.ReadAll(io.LimitReader(f, maxMembers+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMembers {
		return nil, fmt.Errorf("%s has more than %d bytes", m.file, maxMembers)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) != 3 || !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("%s has the line %q; want an id, host:port of raft, and host:port of http", m.file, line)
		}
		listed = append(listed, peers.Member{ID: raft.ServerID(words[0]), Address: raft.ServerAddress(words[1])})
		m.at[raft.ServerID(words[0])] = words[2]
	}
	return listed, nil
}
