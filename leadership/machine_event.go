// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"time"

	"github.com/hashicorp/raft"
)

// op is what runs on a goroutine of its own.
type op uint8

const (
	opNone op = iota
	opCatchUp
	opEstablish
	opReconcile
	opJoin
	opRevoke
)

var opWords = [...]string{"nothing", "catch-up", "establish", "reconcile", "a goroutine of Session.Go", "revoke"}

func (o op) String() string { return opWords[o] }

type ask struct {
	id uint64
	to raft.ServerID
}

// event is what a machine is told.
type event struct {
	kind   eventKind
	state  State         // evLeadership
	token  Token         // evDone of the catch-up
	err    error         // evDone, evHanded, evEndAttempt, evStop, evFinding
	serial uint64        // evEndAttempt: the attempt meant. evTransfer: the request
	to     raft.ServerID // evTransfer
}

type eventKind uint8

const (
	evTick       eventKind = iota // all that has happened by now has been told
	evLeadership                  // the newest State
	evDone                        // what ran has returned
	evHanded                      // the transfer has ended
	evEndAttempt                  // a goroutine failed, or Reassert
	evTransfer                    // somebody asks for a transfer
	evStop                        // Run's context has ended
	evFinding                     // of the watchdog; nil: it is over
)

// act is what a machine wants done.
type act struct {
	kind    actKind
	op      op            // actRun, actStuck
	timeout time.Duration // actRun of establish, reconcile and revoke
	serial  uint64        // actAnswer: the request
	err     error         // actCancel: the cause. actRelease, actAnswer, actFailed, actStuck
	to      raft.ServerID
	leaves  bool // actFailed: leadership is handed over for it
}

type actKind uint8

const (
	actBegin    actKind = iota // make the session of m.cur
	actRun                     // run op
	actReady                   // the session serves
	actCancel                  // cancel the session's context
	actStuck                   // op does not return
	actFailed                  // tell that an attempt, or a Reconcile, failed
	actTransfer                // ask raft to transfer leadership
	actStay                    // tell that leadership is kept although it is of no use here
	actAnswer                  // answer a request for a transfer
	actRelease                 // let Run return
)
