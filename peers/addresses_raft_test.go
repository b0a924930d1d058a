// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// wires is a network of pipes. Who dials an address at which nobody listens waits for
// the timeout, as with an IP that is gone.
type wires struct {
	mu     sync.Mutex
	listen map[raft.ServerAddress]*plug
}

// plug is a server's raft.StreamLayer.
type plug struct {
	wires  *wires
	at     raft.ServerAddress
	accept chan net.Conn
	off    chan struct{}
	once   sync.Once
	mu     sync.Mutex
	conns  []net.Conn // both ends of all that were dialled from here
}

func (w *wires) plug(at raft.ServerAddress) *plug {
	p := &plug{wires: w, at: at, accept: make(chan net.Conn), off: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listen[at] = p
	return p
}

func (p *plug) Addr() net.Addr  { return plugAddr(p.at) }
func (p *plug) String() string  { return string(p.at) }
func (p *plug) Network() string { return "pipe" }

type plugAddr raft.ServerAddress

func (plugAddr) Network() string  { return "pipe" }
func (a plugAddr) String() string { return string(a) }

func (p *plug) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.off:
		return nil, net.ErrClosed
	}
}

func (p *plug) Close() error {
	p.once.Do(func() { close(p.off) })
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	return nil
}

func (p *plug) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	p.wires.mu.Lock()
	peer := p.wires.listen[address]
	p.wires.mu.Unlock()
	gone := time.NewTimer(timeout)
	defer gone.Stop()
	near, far := net.Pipe()
	if peer != nil {
		select {
		case peer.accept <- far:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.conns = append(p.conns, near, far)
			return near, nil
		case <-peer.off:
		case <-p.off:
		case <-gone.C:
		}
	} else {
		select {
		case <-gone.C:
		case <-p.off:
		}
	}
	return nil, fmt.Errorf("dial %s: %w", address, io.ErrClosedPipe)
}

type noFSM struct{}

func (noFSM) Apply(*raft.Log) any                  { return nil }
func (noFSM) Snapshot() (raft.FSMSnapshot, error)  { return nil, io.ErrUnexpectedEOF }
func (noFSM) Restore(snapshot io.ReadCloser) error { return snapshot.Close() }

// moved starts three servers whose configuration has the addresses 10.0.0.n, and which
// are at 10.9.0.n. Without a source they have no way to know.
func moved(t *testing.T, source Source) []*raft.Raft {
	w := &wires{listen: map[raft.ServerAddress]*plug{}}
	var conf raft.Configuration
	for _, id := range []string{"1", "2", "3"} {
		conf.Servers = append(conf.Servers, raft.Server{ID: raft.ServerID("n" + id), Address: raft.ServerAddress("10.0.0." + id + ":8300")})
	}
	var servers []*raft.Raft
	for _, s := range conf.Servers {
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = s.ID, hclog.NewNullLogger()
		store := raft.NewInmemStore()
		layer := w.plug("10.9.0." + raft.ServerAddress(s.ID[1:]) + ":8300")
		settings := &raft.NetworkTransportConfig{Stream: layer, MaxPool: 2, MaxRPCsInFlight: 1, Timeout: 10 * time.Second, Logger: config.Logger}
		if source != nil {
			settings.ServerAddressProvider = NewAddresses(source)
		}
		transport := raft.NewNetworkTransportWithConfig(settings)
		snapshots := raft.NewInmemSnapshotStore()
		require.NoError(t, raft.BootstrapCluster(config, store, store, snapshots, transport, conf))
		r, err := raft.NewRaft(config, noFSM{}, store, store, snapshots, transport)
		require.NoError(t, err)
		t.Cleanup(func() {
			_ = layer.Close()
			transport.CloseStreams()
			require.NoError(t, r.Shutdown().Error())
			require.NoError(t, transport.Close())
		})
		servers = append(servers, r)
	}
	return servers
}

// led reports how long it took until a write was committed; false: longer than limit.
func led(servers []*raft.Raft, limit time.Duration) (time.Duration, bool) {
	for start := time.Now(); time.Since(start) < limit; time.Sleep(10 * time.Millisecond) {
		for _, r := range servers {
			if r.State() == raft.Leader && r.Barrier(time.Second).Error() == nil {
				return time.Since(start), true
			}
		}
	}
	return limit, false
}

// F14: all addresses changed while the cluster was down. It elects, and nobody writes a
// peers.json; without the addresses it never does.
func TestGuarantee18_F14_ElectsWithAllAddressesChanged(t *testing.T) {
	source := StaticSource{}
	for _, id := range []string{"1", "2", "3"} {
		source.Members = append(source.Members, Member{ID: raft.ServerID("n" + id), Address: raft.ServerAddress("10.9.0." + id + ":8300"), Health: Alive})
	}
	synctest.Test(t, func(t *testing.T) {
		took, ok := led(moved(t, source), time.Minute)
		require.True(t, ok)
		require.Less(t, took, 10*time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		_, ok := led(moved(t, nil), time.Minute)
		require.False(t, ok, "the control has a leader")
	})
}
