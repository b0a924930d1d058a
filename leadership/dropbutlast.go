// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "context"

// DropButLast returns a channel that delivers the newest value received from
// src and drops the older ones that nobody took in time. It always receives
// from src, so a sender on src never waits for the reader of the result. It is
// the drop-in for a program that has only a raft.Config.NotifyCh; with bool
// values a leadership lost and regained in between cannot be told from none,
// for which there is a Notifier.
//
//   - src closed: the last value is delivered if it was not yet, then the
//     result is closed.
//   - ctx ended: the result is closed at once and a value not yet taken is
//     dropped. src is drained until it is closed, so that raft, which may live
//     longer than ctx, is still not held up.
//
// It starts one goroutine, which ends when src is closed. raft never closes
// its NotifyCh. Whoever does must wait until the Error method of the future of
// the first Shutdown has returned; before, raft may still send and panic.
// DropButLast panics if ctx or src is nil.
func DropButLast[T any](ctx context.Context, src <-chan T) <-chan T {
	if ctx == nil || src == nil {
		panic("leadership: DropButLast needs a context and a channel to receive from")
	}
	dst := make(chan T)
	go func() {
		forwardNewest(ctx, src, dst)
		close(dst)
		for range src { //nolint:revive // draining is the point
		}
	}()
	return dst
}

// forwardNewest returns when src is closed and its last value delivered, or
// when ctx ends.
func forwardNewest[T any](ctx context.Context, src <-chan T, dst chan<- T) {
	for {
		select {
		case v, ok := <-src:
			if !ok || !offer(ctx, v, src, dst) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// offer hands v, or what has replaced it, to dst. It reports whether src may
// have more.
func offer[T any](ctx context.Context, v T, src <-chan T, dst chan<- T) bool {
	for {
		// What src holds already is newer than v. Only then may select choose.
		select {
		case newer, ok := <-src:
			if !ok {
				deliverLast(ctx, v, dst)
				return false
			}
			v = newer
			continue
		default:
		}
		select {
		case newer, ok := <-src:
			if !ok {
				deliverLast(ctx, v, dst)
				return false
			}
			v = newer
		case dst <- v:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func deliverLast[T any](ctx context.Context, v T, dst chan<- T) {
	select {
	case dst <- v:
	case <-ctx.Done():
	}
}
