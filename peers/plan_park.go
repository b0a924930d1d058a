// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// clash is a change to an address that another server has in the list.
type clash struct {
	occupant *peer
	change   Change // that waits for the address
}

// occupant is who has e's target in the list; nil: nobody.
func (x *picture) occupant(e *peer) *peer {
	if i, owned := x.owner[e.target]; owned && x.peers[i].ID != e.ID {
		return &x.peers[i]
	}
	return nil
}

// park makes room. raft refuses a list with an address in it twice, so two servers that
// swapped theirs need a third one for a moment: ABC becomes PBC, then follow B and C, and
// P last. Whoever is parked cannot be reached meanwhile, so rather a dead server than a
// live one, never one that is live and stays where it is, and never this one.
func (x *picture) park() {
	for i := range x.rest {
		e := &x.rest[i]
		if o := x.occupant(e); o != nil && !e.leaving && e.target != "" {
			if code, _ := x.unknown(e); code == "" {
				x.clashes = append(x.clashes, clash{o, Change{Op: AddNonvoter, Server: e.Server, Code: CodeNewcomer, Reason: "alive, and not in the list"}})
			}
		}
	}
	var out []*peer
	for _, c := range x.clashes {
		cycle, free := x.follow(c.occupant)
		switch {
		case x.gone(c.occupant) || (cycle && c.occupant != x.local):
			out = append(out, c.occupant)
		case !free:
			x.block(c.change, CodeAddressTaken, fmt.Sprintf("%q has that address in the list, and is not known to be elsewhere", c.occupant.ID))
		}
	}
	if len(out) == 0 {
		return
	}
	e := slices.MinFunc(out, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(x.price(a), x.price(b)), cmp.Compare(a.ID, b.ID))
	})
	c := x.change(Park, e, CodeInTheWay, "its address belongs to another server now")
	c.Server.Address = raft.ServerAddress(e.ID) + parkedSuffix
	if _, taken := x.owner[canonical(c.Server.Address)]; taken {
		x.block(c, CodeAddressTaken, "the placeholder is taken")
		return
	}
	x.propose(c)
}

// follow goes from e to whoever has the address where e is, and so on. It reports
// whether that comes back to e, and whether e's own address will be free in the end.
func (x *picture) follow(e *peer) (cycle, free bool) {
	at := e
	for range x.peers {
		if at.target == "" || at.target == at.endpoint || !x.moved(at) {
			return false, x.gone(at)
		}
		next := x.occupant(at)
		if next == nil || next == e {
			return next == e, true
		}
		at = next
	}
	return false, true // into a cycle of others
}

// moved reports whether it is proven that e, which has a target, is there.
func (x *picture) moved(e *peer) bool {
	code, _ := x.unmoved(e)
	return code == ""
}

// gone reports whether nothing speaks for e being at its address in the list.
func (x *picture) gone(e *peer) bool {
	return e != x.local && !e.blocked && !e.answers && (e.silence > 0 || e.stranger != "")
}

// price is how many live voters it costs to park e.
func (x *picture) price(e *peer) int {
	if e.live {
		return 1
	}
	return 0
}
