// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// decodeConfiguration is raft.DecodeConfiguration without its panic: the bytes come from
// a disk or a network.
func decodeConfiguration(data []byte) (conf raft.Configuration, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("peers: not a configuration: %v", v)
		}
	}()
	return raft.DecodeConfiguration(data), nil
}

// wireServer is a server as JSON has it: raft's own form has numbers for suffrages,
// and a missing one means Voter.
type wireServer struct {
	ID       raft.ServerID      `json:"id"`
	Address  raft.ServerAddress `json:"address"`
	Suffrage string             `json:"suffrage"`
}

func toWire(s raft.Server) wireServer {
	suffrage := "nonvoter"
	if s.Suffrage == raft.Voter {
		suffrage = "voter"
	}
	return wireServer{s.ID, s.Address, suffrage}
}
