// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// start makes a cluster that must close without a complaint.
func start(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	c, err := New(cfg)
	require.NoError(t, err)
	c.ReportTo(t)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func leader(t *testing.T, c *Cluster) *Server {
	t.Helper()
	s, err := c.Leader(t.Context())
	require.NoError(t, err)
	return s
}

// other returns a server that is not s.
func other(c *Cluster, s *Server) *Server { return c.servers[(s.number+1)%len(c.servers)] }

func apply(t *testing.T, c *Cluster, data string) uint64 {
	t.Helper()
	index, err := c.Apply(t.Context(), []byte(data))
	require.NoError(t, err)
	return index
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
