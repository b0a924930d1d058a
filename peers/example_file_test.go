// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// A file as people write it at night. raft's own parser takes it: n2 as a voter, at an
// address that nobody can dial.
func ExampleParsePeers() {
	const file = `[
  {"id": "n1", "address": "10.0.0.1:8300"},
  {"id": "n2", "address": "10.0.0.2", "nonvoter": true}
]
// n3 is gone`
	_, err := peers.ParsePeers([]byte(file), peers.ParseConfig{})
	fmt.Println(err)

	const mended = `[
  {"id": "n1", "address": "10.0.0.1:8300"},
  {"id": "n2", "address": "10.0.0.2:8300", "non_voter": true}
]`
	local := raft.Server{ID: "n3", Address: "10.0.0.3:8300"}
	_, err = peers.ParsePeers([]byte(mended), peers.ParseConfig{Local: local})
	fmt.Println(err)
	// Output:
	// peers: peers.json: line 3, column 27: the address "10.0.0.2": want host:port; write what others dial for raft, such as "10.0.0.1:8300", without scheme and blanks (file-bad-address)
	// peers: peers.json: line 3, column 39: the key "nonvoter", which raft does not know; raft would make a voter of it: write "non_voter" (file-unknown-key)
	// peers: peers.json: line 5, column 1: something follows the list: a comment; raft would not read it: remove it, or move it into the list (file-trailing)
	// peers: peers.json: line 1, column 1: this server, "n3", is not in the list; add it, in the files of all servers (file-no-local)
}
