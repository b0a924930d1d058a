// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

type blankMachine struct{}

func (blankMachine) Apply(*raft.Log) any                 { return nil }
func (blankMachine) Snapshot() (raft.FSMSnapshot, error) { return blankMachine{}, nil }
func (blankMachine) Restore(r io.ReadCloser) error       { return r.Close() }
func (blankMachine) Persist(sink raft.SnapshotSink) error {
	return sink.Close()
}
func (blankMachine) Release() {}

// After a recovery the list is in a snapshot alone, at index 1, and whoever was forgotten
// goes on with the old one (X8). One entry tells them; the second look writes nothing.
func TestRecoveredListIsReasserted(t *testing.T) {
	for _, recovered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			conf := raft.DefaultConfig()
			conf.LocalID, conf.Logger = "n1", hclog.NewNullLogger()
			address, transport := raft.NewInmemTransport("n1:8300")
			store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
			group := raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: address}}}
			require.NoError(t, raft.BootstrapCluster(conf, store, store, snaps, transport, group))
			if recovered {
				require.NoError(t, raft.RecoverCluster(conf, blankMachine{}, store, store, snaps, transport, group))
			}
			r, err := raft.NewRaft(conf, blankMachine{}, store, store, snaps, transport)
			require.NoError(t, err)

			var made []Op
			view := source(func(context.Context) (View, error) {
				return View{Warm: true, Members: []Member{{ID: "n1", Address: address, Health: Alive}}}, nil
			})
			probe := prober(func(context.Context, raft.Server) (Reply, error) { return Reply{}, errors.New("nobody else") })
			rec, err := New(r, NewLocal("n1", address, ""), view, probe, Config{Events: Events{Changed: func(r Record) {
				if r.Result == Made {
					made = append(made, r.Change.Op)
				}
			}}})
			require.NoError(t, err)
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			require.NoError(t, rec.Run(ctx))
			if recovered {
				require.Equal(t, []Op{Reassert}, made)
			} else {
				require.Empty(t, made)
			}
			require.NoError(t, r.Shutdown().Error())
		})
	}
}
