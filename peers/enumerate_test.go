// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// Every state of five servers: each is absent from the list, a nonvoter or a voter; is
// wanted as each of these; and is alive or not.
const (
	slots       = 5
	listings    = 3 * 3 * 3 * 3 * 3
	masks       = 1 << slots
	allStates   = listings * listings * masks
	mostChanges = 10
)

const (
	absent = iota
	nonvoter
	voter
)

func ofSlot(list, i int) int {
	for range i {
		list /= 3
	}
	return list % 3
}

// enumeration is one answer to who is wanted and who lives, for all listings.
type enumeration struct {
	policy  Policy
	servers []truthOf
	leaving []raft.ServerID
	left    [listings][slots]int8 // changes to the end, plus 2; 1: being followed; 0: not seen
	states  int
}

// newEnumeration: a server that is not wanted says that it leaves, or, dead, is gone from
// discovery, too.
func newEnumeration(desired, alive int) *enumeration {
	e := &enumeration{}
	for i := range slots {
		wanted := ofSlot(desired, i)
		server := diceServer(i, raft.Voter)
		x := truthOf{id: server.ID, home: server.Address, alive: alive&(1<<i) != 0, nonvoter: wanted == nonvoter}
		switch x.wanted = wanted != absent || x.alive; wanted {
		case voter:
			e.policy.TargetVoters++
		case absent:
			e.leaving = append(e.leaving, x.id)
		}
		e.servers = append(e.servers, x)
	}
	return e
}

// truth is the state with that list, seen by the slot that leads; slots: nobody leads.
func (e *enumeration) truth(list, leads int) *truth {
	w := &truth{policy: e.policy, servers: e.servers, leaving: e.leaving, now: diceEpoch, index: 50}
	for i := range slots {
		if is := ofSlot(list, i); is != absent {
			w.list = append(w.list, diceServer(i, raft.Nonvoter))
			if is == voter {
				w.list[len(w.list)-1].Suffrage = raft.Voter
			}
		}
	}
	if leads < slots {
		w.local = diceServer(leads, raft.Voter).ID
	}
	return w
}

// leader is the first live voter.
func (e *enumeration) leader(list int) int {
	for i := range slots {
		if ofSlot(list, i) == voter && e.servers[i].alive {
			return i
		}
	}
	return slots
}

// visit checks the state with that list, and where it leads to.
func (e *enumeration) visit(list int) error {
	e.states++
	leads := e.leader(list)
	if leads < slots {
		_, err := e.follow(list, leads)
		return err
	}
	other := 0 // somebody without a vote, if there is one
	for other < slots && ofSlot(list, other) == voter {
		other++
	}
	for _, i := range []int{slots, other} {
		if next := e.policy.Plan(e.truth(list, i).evidence()).Next; next != nil {
			return describe(e.policy, e.truth(list, i).evidence(), *next, fmt.Errorf("a change, and the one who looks has no vote"))
		}
	}
	return nil
}

// follow makes changes to the end. What it has followed once it does not follow again.
func (e *enumeration) follow(list, leads int) (left int, err error) {
	switch seen := e.left[list][leads]; seen {
	case 0:
	case 1:
		return 0, describe(e.policy, e.truth(list, leads).evidence(), Change{}, fmt.Errorf("a cycle"))
	default:
		return int(seen) - 2, nil
	}
	e.left[list][leads] = 1
	w := e.truth(list, leads)
	c, err := w.step()
	switch {
	case err != nil:
		return 0, err
	case c == nil:
		err = e.ended(list, w)
	default:
		left, err = e.follow(e.listOf(w))
		left++
	}
	if err == nil && left > mostChanges {
		err = describe(e.policy, w.evidence(), *c, fmt.Errorf("%d changes", left))
	}
	e.left[list][leads] = int8(left + 2) //nolint:gosec // at most mostChanges
	return left, err
}

// listOf is the number of w's list, and the slot that leads.
func (e *enumeration) listOf(w *truth) (list, leads int) {
	for i, power := 0, 1; i < slots; i, power = i+1, power*3 {
		if w.local == e.servers[i].id {
			leads = i
		}
		for _, x := range w.list {
			switch {
			case x.ID != e.servers[i].id:
			case x.Suffrage == raft.Voter:
				list += voter * power
			default:
				list += nonvoter * power
			}
		}
	}
	return list, leads
}

// ended: with a quorum, whoever lives and is wanted is in the list, and has a vote as
// long as votes are wanted; and a second look later finds nothing, either.
func (e *enumeration) ended(list int, w *truth) error {
	s := w.evidence()
	s.Now = s.Now.Add(time.Hour)
	if next := e.policy.Plan(s).Next; next != nil {
		return describe(e.policy, s, *next, fmt.Errorf("it had ended an hour ago"))
	}
	t := oracleOf(e.policy, s).tally(s.Servers, nil)
	if t.Live < t.Quorum() {
		return nil
	}
	for i, x := range e.servers {
		leaving := slices.Contains(e.leaving, x.id)
		switch is := ofSlot(list, i); {
		case !x.alive || leaving:
		case is == absent:
			return describe(e.policy, s, Change{}, fmt.Errorf("%s is alive and not in the list", x.id))
		case is == nonvoter && !x.nonvoter && t.Voters < e.policy.TargetVoters:
			return describe(e.policy, s, Change{}, fmt.Errorf("%s has no vote", x.id))
		}
	}
	return nil
}

// TestEveryListSampled is every 997th state; make proof takes all of them
// (TestProofPlannerStates).
func TestEveryListSampled(t *testing.T) {
	states := 0
	for n := 0; n < allStates; n += 997 {
		desired, alive, list := n/(listings*masks), n/listings%masks, n%listings
		e := newEnumeration(desired, alive)
		require.NoError(t, e.visit(list), "list %d, desired %d, alive %05b", list, desired, alive)
		states += e.states
	}
	require.Equal(t, (allStates+996)/997, states)
}
