// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers"
)

// errStranger marks members that do not claim to be servers of this cluster.
var errStranger = errors.New("no server of this cluster")

// server reads a raft server out of a member's tags. It is errStranger for clients and
// servers of other clusters; another error says what is wrong with the tags. Health is
// not its business.
func (c Config) server(m serf.Member) (peers.Member, error) {
	cluster := m.Tags[c.ClusterTag]
	if m.Tags[c.RoleTag] != c.Role || (c.Cluster != "" && cluster != c.Cluster) {
		return peers.Member{}, errStranger
	}
	id := m.Tags[c.IDTag]
	if id == "" {
		return peers.Member{}, fmt.Errorf("the tag %q is missing: set it to the raft.ServerID", c.IDTag)
	}
	port, err := strconv.ParseUint(m.Tags[c.PortTag], 10, 16)
	if err != nil || port == 0 {
		return peers.Member{}, fmt.Errorf("the tag %q is %q: set it to the port of raft's transport, 1 to 65535", c.PortTag, m.Tags[c.PortTag])
	}
	if len(m.Addr) == 0 || m.Addr.IsUnspecified() {
		return peers.Member{}, fmt.Errorf("serf has the address %v, which nobody can dial: set the advertise address", m.Addr)
	}
	nonvoter := m.Tags[c.NonvoterTag]
	return peers.Member{
		ID:        raft.ServerID(id),
		Address:   raft.ServerAddress(net.JoinHostPort(m.Addr.String(), strconv.FormatUint(port, 10))),
		Nonvoter:  nonvoter != "" && nonvoter != "0" && nonvoter != "false",
		Zone:      m.Tags[c.ZoneTag],
		ClusterID: cluster,
	}, nil
}

// health translates. Serf's StatusNone is never shown by Members.
func health(s serf.MemberStatus) peers.Health {
	switch s {
	case serf.StatusAlive:
		return peers.Alive
	case serf.StatusLeaving:
		return peers.Leaving
	case serf.StatusLeft:
		return peers.Left
	case serf.StatusFailed:
		return peers.Failed
	}
	return peers.Unknown
}
