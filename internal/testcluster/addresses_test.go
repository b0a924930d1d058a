// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// A server whose address changed is lost to the others until their list, or what
// they ask by its id, says where it is.
func TestMove(t *testing.T) {
	for _, pipes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, Config{Pipes: pipes, RPCTimeout: time.Second})
			old := leader(t, c)
			away := other(c, old)
			require.NoError(t, c.Network().Move(away.ID(), "10.0.0.9:8300"))
			require.Equal(t, raft.ServerAddress("10.0.0.9:8300"), away.Address())
			require.ErrorContains(t, c.Network().Move(old.ID(), "10.0.0.9:8300"), "Move it first")
			require.ErrorContains(t, c.Network().Move("n7", "x:1"), "no server")
			apply(t, c, "unseen")
			require.Error(t, c.Converged(within(t, 5*time.Second)), "replicated to where nobody is")

			// It will have stood for election meanwhile: nobody reached it.
			require.NoError(t, leader(t, c).Raft().AddVoter(away.ID(), away.Address(), 0, 0).Error())
			require.NoError(t, c.Converged(t.Context()))
		})
	}
}

// byID is a raft.ServerAddressProvider that knows where everybody is.
type byID struct{ c *atomic.Pointer[Cluster] }

func (b byID) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	c := b.c.Load()
	if c == nil {
		return "", errors.New("not yet")
	}
	return c.Server(id).Address(), nil
}

func TestAddressesAreAskedByID(t *testing.T) {
	for _, pipes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var c atomic.Pointer[Cluster]
			made := start(t, Config{Pipes: pipes, Addresses: func(raft.ServerID) raft.ServerAddressProvider { return byID{&c} }})
			leader(t, made)
			for _, s := range made.Servers() {
				require.NoError(t, made.Network().Move(s.ID(), "moved-"+s.Address()))
			}
			c.Store(made)
			apply(t, made, "at the new addresses")
			require.NoError(t, made.Converged(t.Context()))
		})
	}
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{})
		leader(t, c)
		s, err := c.Dial(t.Context(), "n1", "n2:8300")
		require.NoError(t, err)
		require.Equal(t, raft.ServerID("n2"), s.ID())
		_, err = c.Dial(t.Context(), "n1", "n9:8300")
		require.ErrorContains(t, err, "no server at")
		self, err := c.Dial(t.Context(), "n1", "n1:8300")
		require.NoError(t, err)
		require.Equal(t, raft.ServerID("n1"), self.ID())

		require.NoError(t, c.Network().Set("n2", "n1", Link{Cut: true}))
		_, err = c.Dial(t.Context(), "n1", "n2:8300")
		require.ErrorIs(t, err, ErrInjected, "the answer cannot come back")
		require.NoError(t, c.Network().Set("n2", "n1", Link{BlackHole: true}))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = c.Dial(ctx, "n1", "n2:8300")
		require.Error(t, err)
		require.Equal(t, 3*time.Second, time.Since(begun))
		c.Heal()
		require.NoError(t, c.Server("n2").Crash(t.Context()))
		_, err = c.Dial(t.Context(), "n1", "n2:8300")
		require.ErrorIs(t, err, ErrDown)
	})
}
