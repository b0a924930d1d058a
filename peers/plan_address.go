// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// readdress follows servers to where they are. An address that somebody else has in the
// list must be free first; if that one moves, too, it will be.
func (x *picture) readdress() {
	movers := pick(x.peers, func(e *peer) bool { return e.target != "" && e.target != e.endpoint })
	for _, e := range movers {
		c := x.moveTo(e, Readdress, e.member.Address)
		if code, why := x.unmoved(e); code != "" {
			x.block(c, code, why)
		} else if o := x.occupant(e); o != nil {
			x.clashes = append(x.clashes, clash{o, c})
		} else {
			x.propose(c)
		}
	}
}

func (x *picture) moveTo(e *peer, op Op, a raft.ServerAddress) Change {
	c := x.change(op, e, CodeMoved, "it answers there")
	c.Server.Address = a
	return c
}

// unmoved says why it is not proven that e is at its target; "": it is.
func (x *picture) unmoved(e *peer) (Code, string) {
	switch {
	case e.blocked:
		return CodeDuplicate, "its id or its address is not its own alone"
	case e.stranger != "":
		return CodeWrongServer, fmt.Sprintf("%q answers in its place", e.stranger)
	case !e.answers:
		return CodeNoReply, "it has not said who it is"
	case x.reply(e).Address != "" && canonical(x.reply(e).Address) != e.target:
		return CodeAddressDiffers, fmt.Sprintf("it says that it is at %q", x.reply(e).Address)
	}
	if how := x.foreign(e, true); how != "" {
		return CodeForeign, how
	}
	if _, _, err := splitAddress(e.target); err != nil || parked(raft.Server{Address: e.member.Address}) {
		return CodeBadAddress, fmt.Sprintf("%q cannot be dialled", e.member.Address)
	}
	return "", ""
}
