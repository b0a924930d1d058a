// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Link is the state of one directed link. The zero value is perfect: no
// delay, no loss.
//
// A request travels on the link from its sender, its response on the link back,
// with that link's delay, cut and black hole. The two probabilities that concern
// a whole call, Drop and DropResponse, are those of the request's link.
type Link struct {
	// MinDelay and MaxDelay bound the uniform one-way delay of a message.
	// MaxDelay below MinDelay is taken as MinDelay. Concurrent calls overtake
	// each other when the two differ: that is the reordering there is.
	MinDelay, MaxDelay time.Duration

	// Drop is the probability, 0 to 1, that a request is lost. The sender gets
	// an error after the link's delay, as from a reset connection. For a loss
	// that nobody is told about use BlackHole.
	Drop float64

	// DropResponse is the probability that a request sent on this link is
	// executed and its response lost. The sender gets an error.
	DropResponse float64

	// Duplicate is the probability that a second copy of a request arrives,
	// after a delay of its own. Its response goes nowhere.
	Duplicate float64

	// Cut refuses every message at once, like a closed port.
	Cut bool

	// BlackHole swallows every message: the call neither fails nor returns
	// until the link is healed (then it fails: what was swallowed stays
	// lost), the transport closes, or Config.RPCTimeout is over.
	BlackHole bool
}

func (l Link) validate(pipes bool) error {
	for _, p := range []struct {
		name  string
		value float64
	}{{"Drop", l.Drop}, {"DropResponse", l.DropResponse}, {"Duplicate", l.Duplicate}} {
		if !(p.value >= 0 && p.value <= 1) { // also catches NaN
			return fmt.Errorf("%s is %v: want a probability from 0 to 1", p.name, p.value)
		}
		if pipes && p.value > 0 {
			return fmt.Errorf("%s: a byte stream (Config.Pipes) neither loses nor repeats single messages; use Cut, BlackHole or a delay, or the other transport", p.name)
		}
	}
	if l.MinDelay < 0 || l.MaxDelay < 0 {
		return fmt.Errorf("delay %v to %v: want no negative duration", l.MinDelay, l.MaxDelay)
	}
	return nil
}

// kinds lists the faults that this state asks for.
func (l Link) kinds() []Kind {
	var kinds []Kind
	for _, f := range []struct {
		on   bool
		kind Kind
	}{
		{max(l.MinDelay, l.MaxDelay) > 0, Delay},
		{l.Drop > 0, Drop},
		{l.DropResponse > 0, DropResponse},
		{l.Duplicate > 0, Duplicate},
		{l.Cut, Cut},
		{l.BlackHole, BlackHole},
	} {
		if f.on {
			kinds = append(kinds, f.kind)
		}
	}
	return kinds
}

// delay maps a draw in [0,1) to a one-way delay.
func (l Link) delay(draw float64) time.Duration {
	spread := max(l.MaxDelay-l.MinDelay, 0)
	return l.MinDelay + time.Duration(draw*float64(spread))
}

// route is a directed link, by server number.
type route struct{ from, to int }

func (r route) back() route { return route{r.to, r.from} }

// wire is a route's state and its message count.
type wire struct {
	Link
	key  uint64 // of the seed and the route
	sent uint64
}

// fate holds every draw of one message. All of them are made when the request
// is sent, as a pure function of (seed, route, message number): whatever the
// goroutines do in between, message 17 from n1 to n2 has the same fate in
// every run.
type fate struct {
	drop, dropResponse, duplicate bool
	delay, copyDelay, backDelay   time.Duration
}

func (w *wire) next(back Link) fate {
	w.sent++
	draw := draws(mix(w.key + w.sent*0x9e3779b97f4a7c15))
	return fate{
		drop:         draw.unit(0) < w.Drop,
		dropResponse: draw.unit(1) < w.DropResponse,
		duplicate:    draw.unit(2) < w.Duplicate,
		delay:        w.delay(draw.unit(3)),
		copyDelay:    w.delay(draw.unit(4)),
		backDelay:    back.delay(draw.unit(5)),
	}
}

// draws is a message's own random source, addressed by lane.
type draws uint64

func (d draws) unit(lane uint64) float64 {
	return float64(mix(uint64(d)+lane)>>11) / (1 << 53)
}

// mix is the finalizer of splitmix64: one round turns counters into noise.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func addressOf(id raft.ServerID) raft.ServerAddress {
	return raft.ServerAddress(string(id) + ":8300")
}

// String is the state in words, "perfect" for the zero value.
func (l Link) String() string {
	var words []string
	if d := max(l.MinDelay, l.MaxDelay); d > 0 {
		words = append(words, fmt.Sprintf("delay %v-%v", l.MinDelay, d))
	}
	for _, p := range []struct {
		kind  Kind
		value float64
	}{{Drop, l.Drop}, {DropResponse, l.DropResponse}, {Duplicate, l.Duplicate}} {
		if p.value > 0 {
			words = append(words, fmt.Sprintf("%v %v", p.kind, p.value))
		}
	}
	if l.Cut {
		words = append(words, Cut.String())
	}
	if l.BlackHole {
		words = append(words, BlackHole.String())
	}
	if len(words) == 0 {
		return "perfect"
	}
	return strings.Join(words, ", ")
}
