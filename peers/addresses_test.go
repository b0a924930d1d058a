// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestGuarantee18_OnlyAnAddressThatIsSureIsDialled(t *testing.T) {
	alive := func(id raft.ServerID, address raft.ServerAddress) Member {
		return Member{ID: id, Address: address, Health: Alive}
	}
	for _, tc := range []struct {
		name    string
		members []Member
		want    map[raft.ServerID]raft.ServerAddress
	}{
		{"alive", []Member{alive("a", "10.0.0.1:1"), alive("b", "10.0.0.2:1")}, map[raft.ServerID]raft.ServerAddress{"a": "10.0.0.1:1", "b": "10.0.0.2:1"}},
		{"not alive", []Member{{ID: "a", Address: "a:1"}, {ID: "b", Address: "b:1", Health: Failed}, {ID: "c", Address: "c:1", Health: Left}, {ID: "d", Address: "d:1", Health: Leaving}}, map[raft.ServerID]raft.ServerAddress{}},
		{"twice", []Member{alive("a", "10.0.0.1:1"), alive("a", "10.0.0.2:1"), alive("b", "10.0.0.3:1")}, map[raft.ServerID]raft.ServerAddress{"b": "10.0.0.3:1"}},
		{"twice, once failed", []Member{alive("a", "10.0.0.1:1"), {ID: "a", Address: "10.0.0.2:1", Health: Failed}}, map[raft.ServerID]raft.ServerAddress{}},
		{"one address for two", []Member{alive("a", "10.0.0.1:1"), alive("b", "[::ffff:10.0.0.1]:01"), alive("c", "10.0.0.3:1")}, map[raft.ServerID]raft.ServerAddress{"c": "10.0.0.3:1"}},
		{"occupied", []Member{{ID: "a", Address: "[::ffff:10.0.0.1]:1", Health: Failed}, alive("b", "10.0.0.1:1")}, map[raft.ServerID]raft.ServerAddress{"a": occupied, "b": "10.0.0.1:1"}},
		{"no address", []Member{alive("a", "10.0.0.1"), alive("b", ""), alive("", "10.0.0.3:1")}, map[raft.ServerID]raft.ServerAddress{}},
	} {
		require.Equal(t, tc.want, placesOf(View{Members: tc.members}), tc.name)
	}
}

// scripted is a source that does what a test tells it to, and counts.
type scripted struct {
	mu      sync.Mutex
	view    View
	err     error
	takes   time.Duration // or until the context ends
	looks   int
	changes chan struct{}
}

func (s *scripted) View(ctx context.Context) (View, error) {
	s.mu.Lock()
	s.looks++
	takes := s.takes
	s.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return View{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view, s.err
}

func (s *scripted) show(takes time.Duration, view View, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.view, s.err = takes, view, err
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

func (s *scripted) Changes() <-chan struct{} { return s.changes }

func at(address raft.ServerAddress) View {
	return View{Members: []Member{{ID: "a", Address: address, Health: Alive}}}
}

func TestGuarantee18_LooksOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{view: at("10.0.0.1:1")}
		addresses := NewAddresses(source)
		for range 100 { // 10 s
			address, err := addresses.ServerAddr("a")
			require.NoError(t, err)
			require.Equal(t, raft.ServerAddress("10.0.0.1:1"), address)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 10, source.count())
		source.show(0, at("10.9.0.1:1"), nil)
		time.Sleep(time.Second)
		address, err := addresses.ServerAddr("a")
		require.NoError(t, err)
		require.Equal(t, raft.ServerAddress("10.9.0.1:1"), address)
		_, err = addresses.ServerAddr("b")
		require.ErrorContains(t, err, `does not show "b" alive`)
	})
}

func TestGuarantee18_TheLastViewIsGoodForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{view: at("10.0.0.1:1")}
		addresses := NewAddresses(source)
		require.NoError(t, addresses.Refresh(t.Context()))
		failure := errors.New("no resolver")
		source.show(0, View{}, failure)
		require.ErrorIs(t, addresses.Refresh(t.Context()), failure)
		time.Sleep(trustedFor)
		address, err := addresses.ServerAddr("a")
		require.NoError(t, err)
		require.Equal(t, raft.ServerAddress("10.0.0.1:1"), address)
		time.Sleep(time.Millisecond)
		_, err = addresses.ServerAddr("a")
		require.ErrorIs(t, err, failure)
		require.ErrorContains(t, err, `where "a" is, is not known`)

		source.show(0, View{}, nil)
		require.ErrorContains(t, addresses.Refresh(t.Context()), "no members")
	})
	addresses := NewAddresses(nil)
	_, err := addresses.ServerAddr("a")
	require.ErrorContains(t, err, "no source of addresses")

	addresses = NewAddresses(nil)
	addresses.setRunning(true) // and Run has not got to it
	_, err = addresses.ServerAddr("a")
	require.ErrorContains(t, err, "nobody has looked")
}

func TestGuarantee18_AHungSourceHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{view: at("10.0.0.1:1"), takes: time.Hour}
		addresses := NewAddresses(source)
		start := time.Now()
		for range 10 { // nobody knows anything: all wait for one look
			go func() {
				_, err := addresses.ServerAddr("a")
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}()
		}
		synctest.Wait()
		require.Equal(t, 1, source.count())
		_, err := addresses.ServerAddr("a")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, lookPatience, time.Since(start))
		synctest.Wait()

		source.show(0, at("10.0.0.1:1"), nil)
		require.NoError(t, addresses.Refresh(t.Context()))
		source.show(time.Hour, at("10.0.0.1:1"), nil)
		time.Sleep(lookEvery)
		go func() { _, _ = addresses.ServerAddr("a") }() // looks
		synctest.Wait()
		start = time.Now()
		_, err = addresses.ServerAddr("a") // does not wait for it
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		time.Sleep(lookPatience)
	})
}

func TestGuarantee18_ManyWaitForOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{view: at("10.0.0.1:1"), takes: 100 * time.Millisecond}
		addresses := NewAddresses(source)
		for range 10 {
			go func() {
				address, err := addresses.ServerAddr("a")
				require.NoError(t, err)
				require.Equal(t, raft.ServerAddress("10.0.0.1:1"), address)
			}()
		}
		go func() { require.NoError(t, addresses.Refresh(t.Context())) }()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, source.count())

		ended, cancel := context.WithCancel(t.Context())
		source.show(100*time.Millisecond, View{}, errors.New("no resolver"))
		for range 2 { // one looks, and both learn what came of it
			go func() { require.ErrorContains(t, addresses.Refresh(t.Context()), "no resolver") }()
		}
		synctest.Wait()
		cancel()
		require.ErrorIs(t, addresses.Refresh(ended), context.Canceled)
		time.Sleep(time.Second)
	})
}

// DNS may take its time; Run does, and the callers of ServerAddr do not.
func TestGuarantee18_RunLooksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{view: at("10.0.0.1:1"), takes: 5 * time.Second, changes: make(chan struct{}, 1)}
		addresses := NewAddresses(source)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- addresses.Run(ctx) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()

		source.show(0, at("10.9.0.1:1"), nil)
		start := time.Now()
		time.Sleep(lookEvery)
		synctest.Wait()
		address, err := addresses.ServerAddr("a")
		require.NoError(t, err)
		require.Equal(t, raft.ServerAddress("10.9.0.1:1"), address)

		source.show(0, at("10.9.0.2:1"), nil)
		source.changes <- struct{}{}
		synctest.Wait()
		address, err = addresses.ServerAddr("a")
		require.NoError(t, err)
		require.Equal(t, raft.ServerAddress("10.9.0.2:1"), address)
		require.Equal(t, lookEvery, time.Since(start), "a change does not wait for the next second")

		looks := source.count()
		close(source.changes) // says nothing any more
		time.Sleep(3*lookEvery + lookEvery/2)
		synctest.Wait()
		require.InDelta(t, looks+4, source.looks, 1)

		stopped := errors.New("stopped")
		cancel(stopped)
		require.ErrorIs(t, <-ended, stopped)
		looks = source.count()
		time.Sleep(2 * lookEvery)
		_, err = addresses.ServerAddr("a")
		require.NoError(t, err)
		require.Equal(t, looks+1, source.looks, "without Run the callers look again")
	})
}
