// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package testcluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// The two targets of a step that are found when it is run.
const (
	OnLeader raft.ServerID = "leader" // who leads the highest term
	OnOther  raft.ServerID = "other"  // one that does not, picked by seed and step
)

// Step is one fault of a schedule.
type Step struct {
	After  time.Duration // since the step before began; of the first: since Run
	Kind   Kind          // not FailRestore: it fires in a restart that finds a snapshot
	On     raft.ServerID // an id, OnLeader or OnOther; link faults hit all links of the server
	For    time.Duration // how long the fault lasts; must be 0 for Kick and Transfer, and only for them
	Delay  time.Duration // for Delay, SlowLog and SlowFSM, else 0
	Chance float64       // for Drop, DropResponse and Duplicate, above 0 to 1, else 0
}

// Schedule is a plan of faults, a plain value: keep it, print it, shorten it,
// run it again. Steps overlap when one lasts longer than the next one's After.
type Schedule []Step

// String writes the schedule on one line, as [ParseSchedule] reads it.
func (s Schedule) String() string {
	steps := make([]string, len(s))
	for i, step := range s {
		steps[i] = step.String()
	}
	return strings.Join(steps, "; ")
}

// String writes the step as in "+20ms drop leader p=0.5 for=1.2s".
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "+%v %v %v", s.After, s.Kind, s.On)
	if s.Chance != 0 {
		b.WriteString(" p=" + strconv.FormatFloat(s.Chance, 'g', -1, 64))
	}
	if s.Delay != 0 {
		b.WriteString(" d=" + s.Delay.String())
	}
	if s.For != 0 {
		b.WriteString(" for=" + s.For.String())
	}
	return b.String()
}

// ParseSchedule reads what [Schedule.String] writes. Text and schedule
// correspond one to one: s equals ParseSchedule(s.String()) for every valid s.
func ParseSchedule(text string) (Schedule, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var s Schedule
	for i, part := range strings.Split(text, ";") {
		step, err := parseStep(strings.Fields(part))
		if err == nil {
			err = step.validate()
		}
		if err != nil {
			return nil, fmt.Errorf("testcluster: step %d, %q: %w", i+1, strings.TrimSpace(part), err)
		}
		s = append(s, step)
	}
	return s, nil
}

func parseStep(words []string) (s Step, err error) {
	if len(words) < 3 || !strings.HasPrefix(words[0], "+") {
		return s, fmt.Errorf("want +<after> <fault> <server> [p=<chance>] [d=<delay>] [for=<time>]")
	}
	if s.After, err = time.ParseDuration(words[0][1:]); err != nil {
		return s, err
	}
	if s.Kind, err = parseKind(words[1]); err != nil {
		return s, err
	}
	s.On = raft.ServerID(words[2])
	for _, word := range words[3:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "p":
			s.Chance, err = strconv.ParseFloat(value, 64)
		case "d":
			s.Delay, err = time.ParseDuration(value)
		case "for":
			s.For, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

var (
	delayed = []Kind{Delay, SlowLog, SlowFSM}
	chancy  = []Kind{Drop, DropResponse, Duplicate}
	instant = []Kind{Kick, Transfer}
)

func (s Step) validate() error {
	switch {
	case !s.Kind.valid():
		return fmt.Errorf("%v is no kind of fault", s.Kind)
	case s.Kind == FailRestore:
		return fmt.Errorf("%v cannot be scheduled: use FSM().FailRestoreOnce around a Restart", s.Kind)
	case s.After < 0 || s.For < 0 || s.Delay < 0:
		return fmt.Errorf("want no negative duration")
	case s.On == "" || strings.ContainsAny(string(s.On), " ;"):
		return fmt.Errorf("%q is no server: want an id, %s or %s", s.On, OnLeader, OnOther)
	case slices.Contains(instant, s.Kind) != (s.For == 0):
		return fmt.Errorf("for=%v: want none for kick and transfer, and a time for the others", s.For)
	case slices.Contains(delayed, s.Kind) != (s.Delay > 0):
		return fmt.Errorf("d=%v: want a delay for %v, and none for the others", s.Delay, delayed)
	case !(s.Chance >= 0 && s.Chance <= 1) || slices.Contains(chancy, s.Kind) != (s.Chance > 0):
		return fmt.Errorf("p=%v: want a probability for %v, and none for the others", s.Chance, chancy)
	}
	return nil
}

// Random makes a schedule of n steps, a pure function of its arguments. Without
// kinds it takes all after which raft can be expected to recover by itself, on the
// default transport. That leaves out Wipe, FailRestore, and FailLog: a follower whose
// store fails just after it has truncated its log never takes an entry again until
// it is restarted, because its idea of its last index stays (raft.go, appendEntries,
// after StoreLogs; hashicorp/raft#612).
func Random(seed uint64, n int, kinds ...Kind) Schedule {
	if len(kinds) == 0 {
		for k := Kind(1); k < kindEnd; k++ {
			if k != Wipe && k != FailRestore && k != FailLog {
				kinds = append(kinds, k)
			}
		}
	}
	s := make(Schedule, 0, n)
	for i := range n {
		s = append(s, randomStep(draws(mix(mix(seed)+uint64(i))), kinds))
	}
	return s
}

func randomStep(d draws, kinds []Kind) Step {
	between := func(lane uint64, lo, hi int) time.Duration {
		return time.Duration(lo+int(d.unit(lane)*float64(hi-lo))) * time.Millisecond
	}
	s := Step{
		After: between(0, 10, 1500),
		Kind:  kinds[int(d.unit(1)*float64(len(kinds)))],
		On:    OnLeader,
	}
	if d.unit(2) < 0.5 {
		s.On = OnOther
	}
	if !slices.Contains(instant, s.Kind) {
		s.For = between(3, 300, 2500)
	}
	if slices.Contains(delayed, s.Kind) {
		s.Delay = between(4, 5, 200)
	}
	if slices.Contains(chancy, s.Kind) {
		s.Chance = float64(20+int(d.unit(5)*80)) / 100
	}
	return s
}
