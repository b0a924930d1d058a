// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	lookEvery    = time.Second            // how old a view may be before it is looked at again
	lookPatience = 250 * time.Millisecond // how long a caller of ServerAddr waits for the source
	lookTimeout  = 10 * time.Second       // how long Run waits for the source
	trustedFor   = time.Minute            // how long a view is good for that could not be renewed
)

// occupied is dialled for a server whose address belongs to another one now.
const occupied raft.ServerAddress = "occupied" + parkedSuffix

// Addresses tells raft where a server is now, by its id, as discovery sees it: a cluster
// whose addresses have all changed elects a leader, and nobody edits a file. It is a
// [raft.ServerAddressProvider] for raft.NetworkTransportConfig, and is made before the
// transport. Its methods may be called from any goroutine.
//
// Only the address of a member that is Alive counts, and none of one that is in the view
// twice or shares an address with another. For all others ServerAddr returns an
// error, and raft dials the address of its configuration (net_transport.go,
// getProviderAddressOrFallback), with a warning in its log. Not so for a server that was
// last seen where another one lives now: raft does not check who answers, and would count
// that vote twice. Then the address is one that cannot be reached.
type Addresses struct {
	source Source

	mu      sync.Mutex
	places  map[raft.ServerID]raft.ServerAddress // of the last good view
	seen    time.Time                            // when that was; zero: never
	tried   time.Time                            // when the last look ended
	failure error                                // of the last look
	running bool                                 // Run looks, and nobody else
	look    chan struct{}                        // closed at the end of the look under way; nil: none is
}

// NewAddresses makes Addresses. It starts nothing: until [Addresses.Run] is called, a
// call of ServerAddr looks at the source itself when the last look is a second old.
func NewAddresses(source Source) *Addresses {
	return &Addresses{source: source}
}

// ServerAddr is where the server is now. It never waits for the source longer than
// 250 ms, and only if no view is known yet, or nobody else looks. A source that takes
// longer, as DNS may, needs Run. The last view is good for a minute when the source fails.
func (a *Addresses) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookPatience)
	defer cancel()
	a.freshen(ctx)

	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen.IsZero() || time.Since(a.seen) > trustedFor {
		cause := cmp.Or(a.failure, ctx.Err(), errors.New("nobody has looked"))
		return "", fmt.Errorf("peers: where %s is, is not known, for want of a view of the last %v: %w", quote(string(id)), trustedFor, cause)
	}
	place, ok := a.places[id]
	if !ok {
		return "", fmt.Errorf("peers: discovery does not show %s alive, at one address of its own", quote(string(id)))
	}
	return place, nil
}

// freshen looks if it is time to and nobody does, and waits for another's look only
// when there is nothing to go by.
func (a *Addresses) freshen(ctx context.Context) {
	a.mu.Lock()
	look, blind := a.look, a.seen.IsZero()
	due := !a.running && time.Since(a.tried) >= lookEvery
	a.mu.Unlock()
	switch {
	case look != nil && blind:
		select {
		case <-look:
		case <-ctx.Done():
		}
	case look == nil && due:
		_ = a.Refresh(ctx) // kept in a.failure
	}
}

// Refresh looks at the source and returns its error. It returns when ctx ends, if the
// source does. If another look is under way it waits for that instead.
func (a *Addresses) Refresh(ctx context.Context) error {
	a.mu.Lock()
	if look := a.look; look != nil {
		a.mu.Unlock()
		select {
		case <-look:
			return a.lastFailure()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done := make(chan struct{})
	a.look = done
	a.mu.Unlock()

	view, err := a.view(ctx)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.look, a.tried, a.failure = nil, time.Now(), err
	if err == nil {
		a.places, a.seen = placesOf(view), time.Now()
	}
	close(done)
	return err
}

func (a *Addresses) lastFailure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failure
}

// view takes an empty view for a failure: not even this server is in it.
func (a *Addresses) view(ctx context.Context) (View, error) {
	if a.source == nil {
		return View{}, errors.New("peers: no source of addresses: give NewAddresses one")
	}
	view, err := a.source.View(ctx)
	if err == nil && len(view.Members) == 0 {
		err = errors.New("peers: discovery shows no members")
	}
	return view, err
}

// Run looks at the source a second after the last look, and when it says that something
// changed, with 10 s for each look, until ctx ends; then it returns why. While it runs, ServerAddr waits
// for nothing but the first look.
func (a *Addresses) Run(ctx context.Context) error {
	a.setRunning(true)
	defer a.setRunning(false)
	var changes <-chan struct{} // nil: says nothing
	if c, ok := a.source.(changer); ok {
		changes = c.Changes()
	}
	for {
		look, cancel := context.WithTimeout(ctx, lookTimeout)
		_ = a.Refresh(look) // ServerAddr says it to who needs it
		cancel()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookEvery):
		case _, open := <-changes:
			if !open {
				changes = nil
			}
		}
	}
}

func (a *Addresses) setRunning(running bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running = running
}
