// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"time"
)

// Kind says what an event did to its server's standing. The zero Kind is none.
type Kind uint8

// The kinds of event. Leadership (Candidate, Gain, Loss) and the work done on
// leading (Establish to Revoked) are kept apart, because the interesting hour is
// the one in which they disagree.
const (
	// Up: the server runs as a follower. It was started, or it came back from an
	// election it did not win.
	Up Kind = iota + 1
	// Down: the server does not run. It ends whatever the server was doing.
	Down
	// Candidate: the server stands for election in Term.
	Candidate
	// Gain: the server leads Term from here on. A Gain without a Loss since the
	// last one means that the loss was not seen, and is drawn as several changes.
	Gain
	// Loss: the server no longer leads. Work that it had begun as leader goes on
	// until Revoked.
	Loss
	// Fault: Text began to be wrong, with Server or with the whole cluster.
	Fault
	// Heal ends the open faults of its Server that have its Text. If none has,
	// or Text is empty, it ends all faults of its Server; with Server and Text
	// both empty it ends every fault there is.
	Heal
	// Stuck: the server does not get on. It lasts until the server's next event
	// other than Loss, Fault and Note.
	Stuck
	// Establish: the work of becoming leader began.
	Establish
	// Established: that work is done; the leader serves.
	Established
	// Revoke: the undoing of that work began.
	Revoke
	// Revoked: nothing of that work is left.
	Revoked
	// Note: Text is worth knowing at this moment. It changes nothing.
	Note

	kinds // one more than the last
)

// The words are the file format: change none.
var kindWords = [kinds]string{
	Up: "up", Down: "down", Candidate: "candidate", Gain: "gain", Loss: "loss",
	Fault: "fault", Heal: "heal", Stuck: "stuck", Establish: "establish",
	Established: "established", Revoke: "revoke", Revoked: "revoked", Note: "note",
}

// String returns the kind's word, as it stands in files.
func (k Kind) String() string {
	if k == 0 || k >= kinds {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindWords[k]
}

// MarshalText returns the kind's word; it fails for a Kind that has none.
func (k Kind) MarshalText() ([]byte, error) {
	if k == 0 || k >= kinds {
		return nil, fmt.Errorf("timeline: %v has no word", k)
	}
	return []byte(kindWords[k]), nil
}

// UnmarshalText accepts the words of String, in that spelling only.
func (k *Kind) UnmarshalText(word []byte) error {
	for i := Up; i < kinds; i++ {
		if kindWords[i] == string(word) {
			*k = i
			return nil
		}
	}
	return fmt.Errorf("unknown kind %.40q", word)
}

// Event is one thing that happened.
type Event struct {
	// At is the time, real or virtual. Recorder.Record fills in a zero At.
	At time.Time `json:"at"`
	// Server is the raft.ServerID; "" is the whole cluster, and an event of any
	// kind is then drawn for every server.
	Server string `json:"server,omitempty"`
	Kind   Kind   `json:"kind"`
	// Term is 0 where it is not known.
	Term uint64 `json:"term,omitempty"`
	// Text is for the reader: what the fault was, what is to be noted.
	Text string `json:"text,omitempty"`
}
