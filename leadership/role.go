// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import "context"

// Role is what a server does because it leads. The callbacks run one at a time,
// each on a goroutine of its own, and never on raft's. They may block and may
// call raft and every method of the Runner and the Session. A panic in one is an
// error with its stack. One that still runs Config.Grace after its ctx has ended is
// stuck: it is reported (Config.OnStuck, Status.Stuck), and nothing else is called
// until it returns.
type Role struct {
	// Establish makes this server the leader of whatever the program does. When
	// it is called, the state machine has applied everything that was committed
	// before this leadership, and s.Token is proven. When it returns nil in time,
	// the session serves. After an error, a panic or a timeout, Revoke is called,
	// and another attempt is made while this server leads.
	//
	// ctx ends with the session, after Config.EstablishTimeout, and when Establish
	// returns: what is to live on takes s.Context, best by s.Go. Required.
	Establish func(ctx context.Context, s *Session) error

	// Reconcile, if set, is called every Config.ReconcileEvery while the session
	// serves. ctx ends with the session or after Config.EstablishTimeout. An error
	// is reported, and the next round comes as usual; a panic or a timeout ends
	// the session.
	Reconcile func(ctx context.Context, s *Session) error

	// Revoke undoes what Establish did, also what it did halfway. It is called
	// exactly once for each Establish that was called, after that has returned and
	// every goroutine of s.Go has ended; cause is that of s.Context. ctx ends
	// after Config.RevokeTimeout and for no other reason: this server may have
	// stopped leading long ago. An error is reported. nil is the same as a Revoke
	// that does nothing.
	Revoke func(ctx context.Context, s *Session, cause error) error
}
