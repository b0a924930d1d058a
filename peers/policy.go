// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"errors"
	"fmt"
	"time"
)

// Policy is what a list of servers should be like. The zero value adds servers, gives
// them votes and follows their addresses, and never takes a vote or an entry away by
// itself.
type Policy struct {
	// TargetVoters is how many voters the list should have. 0: every member that
	// wants a vote gets one, and no voter is ever removed automatically.
	TargetVoters int

	// MinVoters is below what no automatic change and no leave brings the number of
	// voters. 0: the quorum of TargetVoters, or 2 if that is 0, too.
	MinVoters int

	// MinSlack is how many more voters must be able to fail after a leave. 0 is what
	// it says: after it, all live voters may be needed.
	MinSlack int

	DeadAfter    time.Duration // how long both witnesses must have missed a voter; 0: 1 min. Longer than a reboot
	AbsentAfter  time.Duration // how long a warm view must have run before absence counts; 0: 10 min
	StableFor    time.Duration // how long a newcomer must have been alive before it gets a vote; 0: 10 s
	RemovalEvery time.Duration // between two automatic removals of voters; 0: 1 min

	MaxLag uint64 // entries that a server may lack to count as caught up; 0: 250

	// ClusterID, if set, is what replies and members must not contradict.
	ClusterID string
}

// Validate says what is wrong with the policy. It changes nothing.
func (p Policy) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("peers: Policy."+format, args...)) }
	for _, n := range []struct {
		name  string
		value int
	}{{"TargetVoters", p.TargetVoters}, {"MinVoters", p.MinVoters}, {"MinSlack", p.MinSlack}} {
		if n.value < 0 {
			bad("%s is %d: want 0 or more", n.name, n.value)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"DeadAfter", p.DeadAfter}, {"AbsentAfter", p.AbsentAfter}, {"StableFor", p.StableFor}, {"RemovalEvery", p.RemovalEvery}} {
		if d.value < 0 {
			bad("%s is %v: want 0 for its default, or more", d.name, d.value)
		}
	}
	if p.TargetVoters > 0 && p.MinVoters > p.TargetVoters {
		bad("MinVoters is %d, above TargetVoters %d: nothing could ever be removed; lower it", p.MinVoters, p.TargetVoters)
	}
	return errors.Join(errs...)
}

func (p Policy) withDefaults() Policy {
	switch {
	case p.MinVoters > 0:
	case p.TargetVoters > 0:
		p.MinVoters = Tally{Voters: p.TargetVoters}.Quorum()
	default:
		p.MinVoters = 2
	}
	p.DeadAfter = orDefault(p.DeadAfter, time.Minute)
	p.AbsentAfter = orDefault(p.AbsentAfter, 10*time.Minute)
	p.StableFor = orDefault(p.StableFor, 10*time.Second)
	p.RemovalEvery = orDefault(p.RemovalEvery, time.Minute)
	if p.MaxLag == 0 {
		p.MaxLag = 250
	}
	return p
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
