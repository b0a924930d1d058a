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

func TestRunnerLifeOfASession(t *testing.T) {
	withCrew(t, leadership.Config{ReconcileEvery: time.Second}, testcluster.Config{}, func(c *crew) {
		m := c.serving()
		s := m.runner.Session()
		require.NotNil(t, s)
		require.False(t, s.Token().IsZero())
		require.NoError(t, s.ReadBarrier(c.ctx))
		_, index, err := s.Apply(c.ctx, []byte("x"))
		require.NoError(t, err)
		require.Greater(t, index, s.Token().Index)
		time.Sleep(5500 * time.Millisecond)
		require.Equal(t, 5, m.count("reconcile"))
		require.Equal(t, leadership.Ready, m.runner.Status().Health())

		require.NoError(t, m.runner.Transfer(c.ctx, ""))
		require.Error(t, s.Context().Err())
		next := c.serving()
		require.NotEqual(t, m.id, next.id)
		require.Equal(t, 1, m.count("revoke"))
		require.Equal(t, leadership.Follower, m.runner.Status().Health())
		for _, e := range m.runner.Timeline() {
			t.Log(e)
		}
		next.stop()
		<-next.done
		require.NoError(t, next.err)
	})
}
