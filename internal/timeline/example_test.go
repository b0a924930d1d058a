// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline_test

import (
	"fmt"
	"time"

	"github.com/raftkeel/raftkeel/internal/timeline"
)

// Leadership flaps: n2 loses it while it still establishes, and revokes.
func ExampleTimeline_Text() {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	rec := timeline.NewRecorder(0)
	record := func(ms int, server string, kind timeline.Kind, term uint64, text string) {
		rec.Record(timeline.Event{
			At: start.Add(time.Duration(ms) * time.Millisecond), Server: server, Kind: kind, Term: term, Text: text,
		})
	}
	for _, server := range []string{"n1", "n2", "n3"} {
		record(0, server, timeline.Up, 0, "")
	}
	record(600, "n1", timeline.Gain, 4, "")
	record(700, "n1", timeline.Establish, 4, "")
	record(1000, "n1", timeline.Established, 4, "")
	record(2500, "", timeline.Fault, 0, "partition n1 | n2 n3")
	record(3000, "n1", timeline.Loss, 4, "")
	record(3050, "n1", timeline.Revoke, 4, "")
	record(3100, "n1", timeline.Revoked, 4, "")
	record(3300, "n2", timeline.Candidate, 5, "")
	record(3500, "n2", timeline.Gain, 5, "")
	record(3520, "n2", timeline.Establish, 5, "")
	record(4000, "n2", timeline.Loss, 5, "")
	record(4300, "n2", timeline.Established, 5, "")
	record(4300, "n2", timeline.Revoke, 5, "")
	record(4600, "n2", timeline.Revoked, 5, "")
	record(4500, "", timeline.Heal, 0, "partition n1 | n2 n3")
	record(5000, "n3", timeline.Candidate, 6, "")
	record(5200, "n3", timeline.Gain, 6, "")
	record(5210, "n3", timeline.Establish, 6, "")
	record(5500, "n3", timeline.Established, 6, "")
	record(6000, "n1", timeline.Down, 0, "")
	record(7000, "", timeline.Note, 0, "40 writes acknowledged, none lost")

	fmt.Print(rec.Timeline().Text(72))
	// Output:
	// term        4                          5               6
	// n1     .....=eeeLLLLLLLLLLLLLLLLLLx!..........................----------
	// n2     ..............................cceeeeexerrr!......................
	// n3     ..............................................cceeeLLLLLLLLLLLLLL
	// fault                         AAAAAAAAAAAAAAAAAAA
	// note                                                                   1
	// time   |0s      |1s      |2s      |3s       |4s      |5s      |6s
	//   c stands for election   = leads   e establish   L leads, established
	//   r revoke owed or running   ! revoked   x lost   . follows   - down
	//   A  2.5s..4.5s  partition n1 | n2 n3
	//   1  7s  40 writes acknowledged, none lost
	//   0s is 2000-01-01T00:00:00Z
}
