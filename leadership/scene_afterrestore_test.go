// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/raftkeel/raftkeel/internal/testcluster"
	"github.com/raftkeel/raftkeel/leadership"
)

// The disk hangs when raft writes what ends a restore: the watchdog must not look
// away for ever.
func TestGuarantee18_DiskHangsAfterARestore(t *testing.T) {
	withCrew(t, leadership.Config{CancelByReflection: true}, testcluster.Config{Configure: quiet}, func(c *crew) {
		m := c.serving()
		meta, data := c.snapshot(m, 5*time.Second)
		done := make(chan error, 1)
		go func() { done <- m.runner.Restore(c.ctx, meta, data) }()
		<-data.begun
		c.Server(m.id).Logs().Hang()
		time.Sleep(5 * time.Second)
		start := time.Now()
		for m.runner.Check() == nil && time.Since(start) < 10*time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		took := time.Since(start)
		c.Server(m.id).Logs().Release()
		require.NoError(c.t, <-done)
		require.LessOrEqual(c.t, took, zombieLimit+500*time.Millisecond)
	})
}
