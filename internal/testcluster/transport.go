// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// transport is raft.Transport over a [Network], for one incarnation of one
// server. It offers no pipelines: they only save round trips, and without them
// every message of a call has one place to be delayed or lost in.
type transport struct {
	net    *Network
	number int
	rpcs   chan raft.RPC // unbuffered, like NetworkTransport's
	off    chan struct{} // closed by detach

	provider raft.ServerAddressProvider // may be nil
	tasks    tasks

	mu        sync.Mutex
	heartbeat func(raft.RPC)
}

var (
	_ raft.Transport   = (*transport)(nil)
	_ raft.WithPreVote = (*transport)(nil)
	_ raft.WithClose   = (*transport)(nil)
)

func newTransport(n *Network, number int) *transport {
	return &transport{net: n, number: number, rpcs: make(chan raft.RPC), off: make(chan struct{}), provider: n.providerOf(number)}
}

func (t *transport) Consumer() <-chan raft.RPC     { return t.rpcs }
func (t *transport) inbox() chan<- raft.RPC        { return t.rpcs }
func (t *transport) detached() <-chan struct{}     { return t.off }
func (t *transport) spawn(f func()) bool           { return t.tasks.spawn(f) }
func (t *transport) wait()                         { t.tasks.wait() }
func (t *transport) LocalAddr() raft.ServerAddress { return t.net.address(t.number) }

func (t *transport) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

func (t *transport) DecodePeer(addr []byte) raft.ServerAddress { return raft.ServerAddress(addr) }

func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (t *transport) AppendEntries(id raft.ServerID, to raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	return exchange(t, id, to, *req, nil, resp)
}

func (t *transport) RequestVote(id raft.ServerID, to raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return exchange(t, id, to, *req, nil, resp)
}

func (t *transport) RequestPreVote(id raft.ServerID, to raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return exchange(t, id, to, *req, nil, resp)
}

func (t *transport) TimeoutNow(id raft.ServerID, to raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return exchange(t, id, to, *req, nil, resp)
}

// InstallSnapshot reads the whole body before the first byte "leaves": a copy
// delivered twice, or after the sender has closed its file, needs its own reader.
func (t *transport) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	body, err := io.ReadAll(data)
	if err != nil {
		return fmt.Errorf("testcluster: read snapshot to send: %w", err)
	}
	return exchange(t, id, to, *req, body, resp)
}

// Close is called by raft when its goroutines have ended (shutdownFuture.Error
// in future.go).
func (t *transport) Close() error {
	t.detach()
	return nil
}

func (t *transport) detach() {
	if t.tasks.close() {
		close(t.off)
	}
}

// exchange makes one call. The request comes by value: raft reuses its struct
// as soon as we return, and a late duplicate would read it then. Each delivery
// gets its own copy for the same reason.
func exchange[Q, R any](t *transport, id raft.ServerID, to raft.ServerAddress, req Q, body []byte, resp *R) error {
	if t.provider != nil {
		if known, err := t.provider.ServerAddr(id); err == nil { // otherwise as net_transport.go, getProviderAddressOrFallback
			to = known
		}
	}
	target, err := t.net.numberAt(to)
	if err != nil {
		return err
	}
	answer, err := t.call(route{t.number, target}, func() raft.RPC {
		q := req
		rpc := raft.RPC{Command: &q}
		if body != nil {
			rpc.Reader = bytes.NewReader(body)
		}
		return rpc
	})
	if err != nil {
		return err
	}
	r, ok := answer.(*R)
	if !ok {
		return fmt.Errorf("testcluster: %s answered %T to %T", to, answer, req)
	}
	*resp = *r
	return nil
}

var (
	errRefused  = fmt.Errorf("%w: message refused", ErrInjected)
	errDropped  = fmt.Errorf("%w: message lost", ErrInjected)
	errSwallow  = fmt.Errorf("%w: message swallowed", ErrInjected)
	errTimeout  = errors.New("testcluster: call timed out")
	errDetached = fmt.Errorf("%w: connection closed", ErrDown)
)

// call sends a request, has it executed, and brings the answer back.
func (t *transport) call(out route, request func() raft.RPC) (any, error) {
	fate, peer := t.net.dispatch(out)
	deadline := time.NewTimer(t.net.timeout)
	defer deadline.Stop()

	to, _ := peer.(*transport)
	if to == nil { // down: no fault of a link can show
		return nil, errDetached
	}
	if err := t.cross(out, fate.delay, deadline.C); err != nil {
		return nil, err
	}
	if fate.drop {
		t.net.counts.fire(Drop)
		return nil, errDropped
	}
	if fate.duplicate {
		t.duplicate(out, fate.copyDelay, request, to)
	}
	answer, err := t.execute(request(), to, deadline.C)
	if err != nil {
		return nil, err
	}
	if fate.dropResponse {
		t.net.counts.fire(DropResponse)
		return nil, errDropped
	}
	if err := t.cross(out.back(), fate.backDelay, deadline.C); err != nil {
		return nil, err
	}
	return answer.Response, answer.Error
}

// execute hands the request to raft and waits for its answer.
func (t *transport) execute(rpc raft.RPC, to *transport, deadline <-chan time.Time) (raft.RPCResponse, error) {
	done := make(chan raft.RPCResponse, 1)
	rpc.RespChan = done
	if !to.receive(rpc) {
		return raft.RPCResponse{}, errDetached
	}
	select {
	case answer := <-done:
		// A crash detaches first and spoils the stores second, so an answer
		// that is there while the port is still attached is of sound state.
		// Without this look, a select with both ready would pick either.
		select {
		case <-to.off:
			return raft.RPCResponse{}, errDetached
		default:
			return answer, nil
		}
	case <-to.off:
		return raft.RPCResponse{}, errDetached
	case <-t.off:
		return raft.RPCResponse{}, errDetached
	case <-deadline:
		return raft.RPCResponse{}, errTimeout
	}
}

// duplicate delivers a second copy later, on the receiver's account.
func (t *transport) duplicate(out route, delay time.Duration, request func() raft.RPC, to *transport) {
	to.spawn(func() {
		if to.cross(out, delay, nil) != nil {
			return
		}
		rpc := request()
		rpc.RespChan = make(chan raft.RPCResponse, 1) // nobody reads it
		if handler := to.fastPath(rpc); handler != nil {
			handler(rpc)
		} else {
			select {
			case to.rpcs <- rpc:
			case <-to.off:
				return
			}
		}
		t.net.counts.fire(Duplicate)
	})
}
