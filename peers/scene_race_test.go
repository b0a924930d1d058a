// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build race

package peers

// racing is set under the race detector. raft has a race of its own where the address of a
// server that is being replicated to changes: updateLastAppended reads peer.ID without the
// lock under which startStopReplication replaces the peer (replication.go, raft.go). What
// meets it is played without the detector.
const racing = true
