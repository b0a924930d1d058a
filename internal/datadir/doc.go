// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package datadir reads the directory of a hashicorp/raft server, whatever is in it:
// it never writes, never waits, never loops, never panics, and takes a bounded amount
// of memory.
//
// It differs from opening the stores (raft-boltdb, raft-wal, raft.FileSnapshotStore) in
// that those write when they are opened, and trust what they read: bbolt loops for ever
// on some damaged branch pages, and dies of SIGBUS on a file that is shorter than its
// meta page says; raft-wal's codec panics on an over-long varint; a snapshot's meta.json
// has no checksum.
//
// # What it promises
//
//   - Read only. Files are opened for reading, and nothing is created, locked for
//     writing, or repaired. A shared flock, which a server that starts meanwhile waits
//     for, is held from opening to Close.
//   - A store that a running process has open is [ErrInUse] at once. That takes flock, as
//     bbolt does; on Windows, Solaris and AIX it is not noticed.
//   - Below the directory, symbolic links, FIFOs and devices are errors that name them.
//     They are never followed and never waited for.
//   - Damage is an [Error] with file, offset and reason. A walk yields it and, if the
//     loop goes on, continues with what can still be read.
//   - Each page of a tree is read at most once in a walk, and a tree is at most 32 pages
//     deep. Lengths are compared with what is really there before anything is
//     allocated. One value is at most 64 MiB, one page 64 KiB, one JSON file 1 MiB.
//   - Every step looks at its context.
//
// # The layers
//
//	Dir         os.Root, Lstat, size caps          dir.go, dir_unix.go
//	Bolt        pages, buckets, pairs of bbolt     bolt.go, page.go, walk.go
//	BoltLog     raft.db of raft-boltdb             boltlog.go, msgpack.go
//	WALLog      segments of raft-wal               wal.go, walmeta.go, segment.go, codec.go
//	Snapshots   raft.FileSnapshotStore             snapshots.go, snapshotmeta.go
//
// [BoltLog] and [WALLog] are each a [Log]. None of them knows what an entry means.
//
// A value of this package belongs to one goroutine at a time. The bytes that a walk
// yields are valid until its next step.
package datadir
