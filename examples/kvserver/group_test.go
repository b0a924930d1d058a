// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heartbeat is the processes' -heartbeat: half of it is the leader's lease.
const heartbeat = 600 * time.Millisecond

// process is one server, in a process of its own. It is killed when the test
// ends, and what it said is logged if the test failed.
type process struct {
	id, url, dir string
	raft, http   string // its addresses
	members      string // the file
	args         []string
	out          transcript
	cmd          *exec.Cmd
	exited       chan struct{} // closed when cmd has been waited for
}

type group []*process

// startGroup starts the servers a, b, ..., which make a cluster.
func startGroup(t *testing.T, n int, flags ...string) group {
	t.Helper()
	var g group
	dir := t.TempDir()
	for i := range n {
		g = append(g, newProcess(t, dir, string(rune('a'+i)), slices.Concat(flags, []string{"-expect", fmt.Sprint(n)})...))
	}
	g.listed(t)
	for _, p := range g {
		p.start(t)
	}
	return g
}

func newProcess(t *testing.T, dir, id string, flags ...string) *process {
	t.Helper()
	addrs := freeAddrs(t, 2)
	p := &process{id: id, url: "http://" + addrs[1], raft: addrs[0], http: addrs[1]}
	p.dir, p.members = filepath.Join(dir, id), filepath.Join(dir, "members")
	p.args = append([]string{
		"-id", id, "-http", p.http, "-raft", p.raft, "-dir", p.dir, "-members", p.members,
		"-heartbeat", heartbeat.String(), "-snapshot", "64",
	}, flags...)
	return p
}

// listed makes the group all that discovery shows.
func (g group) listed(t *testing.T) {
	t.Helper()
	var b strings.Builder
	for _, p := range g {
		fmt.Fprintln(&b, p.id, p.raft, p.http)
	}
	next := g[0].members + ".next"
	require.NoError(t, os.WriteFile(next, []byte(b.String()), 0o600))
	require.NoError(t, os.Rename(next, g[0].members)) // so that nobody reads half of it
}

// freeAddrs takes ports that the kernel does not give to outgoing connections:
// while a server is down, somebody who dials it could be given its port.
func freeAddrs(t *testing.T, n int) (addrs []string) {
	t.Helper()
	for len(addrs) < n {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000)))
		if err != nil {
			continue // taken
		}
		defer func() { require.NoError(t, l.Close()) }() // when all are found
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

func (p *process) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p.cmd = exec.CommandContext(t.Context(), self, p.args...) // killed when the context ends
	p.cmd.Env = append(os.Environ(), asServer+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
	cmd, exited := p.cmd, make(chan struct{})
	p.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its code is in cmd.ProcessState
	}()
	t.Cleanup(func() {
		<-exited
		if t.Failed() {
			t.Logf("server %s, process %d:\n%s", p.id, cmd.Process.Pid, p.out.take())
		}
	})
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// exit waits for the end of the process and returns its code; -1: killed.
func (p *process) exit(ctx context.Context, t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-ctx.Done():
		require.Fail(t, "server "+p.id+" does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) kill(ctx context.Context, t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.exit(ctx, t)
}

// transcript keeps what the processes of one server said last.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *transcript) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Next(max(0, o.buf.Len()+len(b)-32<<10))
	return o.buf.Write(b)
}

func (o *transcript) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.buf.String()
	o.buf.Reset()
	return s
}

// answered is a server's answer to one request.
type answered struct {
	code   int
	body   string
	leader string // of an error: who leads
}

var client = http.Client{Timeout: 1500 * time.Millisecond, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

func (p *process) send(ctx context.Context, method, path, body string) (answered, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return answered{}, err
	}
	b, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return answered{}, err
	}
	var failure struct{ Leader string }
	_ = json.Unmarshal(b, &failure) // a value need not be JSON
	return answered{resp.StatusCode, string(b), failure.Leader}, nil
}

// until asks until ok likes the answer.
func (p *process) until(ctx context.Context, t *testing.T, path string, ok func(answered) bool) {
	t.Helper()
	last := ""
	poll(ctx, t, func() string { return last }, func() bool {
		a, err := p.send(ctx, "GET", path, "")
		last = fmt.Sprintf("GET %s of %s: %+v %v", path, p.id, a, err)
		return err == nil && ok(a)
	})
}

func (p *process) healthy(ctx context.Context, t *testing.T, health string) {
	t.Helper()
	p.until(ctx, t, "/health", func(a answered) bool { return a.code == 200 && strings.HasPrefix(a.body, health+"\n") })
}

// holds waits until the server's own store has the value.
func (p *process) holds(ctx context.Context, t *testing.T, key, value string) {
	t.Helper()
	p.until(ctx, t, "/kv/"+key+"?stale=1", func(a answered) bool { return a.code == 200 && a.body == value })
}

// leader waits until one of the group is ready.
func (g group) leader(ctx context.Context, t *testing.T) *process {
	t.Helper()
	var leads *process
	poll(ctx, t, func() string { return "nobody is ready" }, func() bool {
		for _, p := range g {
			if a, err := p.send(ctx, "GET", "/health", ""); err == nil && strings.HasPrefix(a.body, "ready\n") {
				leads = p
			}
		}
		return leads != nil
	})
	return leads
}

// put writes until one of the group acknowledges it, and returns that one.
func (g group) put(ctx context.Context, t *testing.T, key, value string) *process {
	t.Helper()
	var wrote *process
	poll(ctx, t, func() string { return "nobody takes a write" }, func() bool {
		for _, p := range g {
			if a, err := p.send(ctx, "PUT", "/kv/"+key, value); wrote == nil && err == nil && a.code == http.StatusOK {
				wrote = p
			}
		}
		return wrote != nil
	})
	return wrote
}

func (g group) but(not ...*process) group {
	return slices.DeleteFunc(slices.Clone(g), func(p *process) bool { return slices.Contains(not, p) })
}

func poll(ctx context.Context, t *testing.T, what func() string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Fail(t, "it takes too long: "+what())
		}
	}
}
