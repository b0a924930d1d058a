// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	leastEvents   = 20 // of a schedule
	scheduleSeeds = 20_000
)

// phaseEdges is every change of phase that one step may make. A step in which
// nothing changes is not in it.
var phaseEdges = edges(map[Phase][]Phase{
	Following: {Waiting, CatchingUp, Closed},
	Waiting:   {Following, CatchingUp, HandingOver, Closed},
	// A catch-up that fails has nothing to undo.
	CatchingUp: {Waiting, Establishing, Draining, HandingOver},
	// From here on there is: nothing leads past Draining.
	Establishing: {Serving, Draining},
	Serving:      {Draining},
	// To the last five only from a catch-up that was cancelled.
	Draining:    {Revoking, Quarantined, Following, Waiting, CatchingUp, HandingOver, Closed},
	Revoking:    {Quarantined, Following, Waiting, CatchingUp, HandingOver, Closed},
	HandingOver: {Following, Waiting, CatchingUp, Closed},
	// What was stuck goes on where it was.
	Quarantined: {Draining, Revoking, Following, Waiting, CatchingUp, HandingOver, Closed},
})

func edges(table map[Phase][]Phase) (all [phases][phases]bool) {
	for from, tos := range table {
		for _, to := range tos {
			all[from][to] = true
		}
	}
	return all
}

// hits counts what happened, so that a run that proves nothing is red.
type hits struct {
	events  [evFinding + 1]int
	acts    [actRelease + 1]int
	whims   [whims]int
	fates   [opRevoke + 1][fates]int
	moves   [moveFates]int
	edges   [phases][phases]int
	pauses  int
	special [specials]int
}

// special is a situation that must not be missed.
type special uint8

const (
	longestBackoff    special = iota
	longestTimeout            // of an establish
	owedAfterRelease          // something is stuck when Run returns, and is paid later
	moveBesideStuck           // a transfer beside what is stuck
	runsDuringMove            // what was stuck has returned during a transfer
	askWhileDraining          // an accepted ask waits for the end of the session
	fencedWhileLeader         // no session because of a finding
	budgetSpent
	endWithoutRaft // raft ends, and Run's context does not
	specials
)

var specialWords = [specials]string{
	"a pause of 10s", "an establish timeout of 64 times", "something owed after Run", "a transfer beside what is stuck",
	"a callback during a transfer", "an ask while draining", "fenced", "the budget is spent", "raft ends first",
}

func (h *hits) count(o *oracle) {
	for s, seen := range [specials]bool{
		longestBackoff:    o.lastFull == 10*time.Second,
		longestTimeout:    o.run == opEstablish && o.timeout == 64*o.conf.EstablishTimeout,
		owedAfterRelease:  o.released && o.owed && !o.stuck,
		moveBesideStuck:   o.handing && o.stuck,
		runsDuringMove:    o.handing && o.live && !o.stuck,
		askWhileDraining:  o.ask != 0 && o.live && o.over,
		fencedWhileLeader: o.leads() && o.finding,
		budgetSpent:       o.spent(),
		endWithoutRaft:    o.lead.Closed && !o.stop,
	} {
		if seen {
			h.special[s]++
		}
	}
}

// missed lists what never happened.
func (h *hits) missed() (none []string) {
	note := func(n int, format string, args ...any) {
		if n == 0 {
			none = append(none, fmt.Sprintf(format, args...))
		}
	}
	for i, n := range h.events {
		note(n, "event %v", eventWords[i])
	}
	for i, n := range h.acts {
		note(n, "act %v", actWords[i])
	}
	for i, n := range h.whims {
		note(n, "whim %v", whim(i))
	}
	for o, row := range h.fates {
		for f, n := range row {
			if possible[o][f] {
				note(n, "%v: %v", op(o), fate(f))
			}
		}
	}
	for i, n := range h.moves {
		note(n, "transfer: %v", moveFate(i))
	}
	for from, row := range phaseEdges {
		for to, legal := range row {
			if legal {
				note(h.edges[from][to], "phase %v -> %v", Phase(from), Phase(to))
			}
		}
	}
	for i, n := range h.special {
		note(n, "%v", specialWords[i])
	}
	note(h.pauses, "a pause of everything")
	return none
}

// schedule plays lives of machines until it has given leastEvents events, each
// from the start of Run to its end.
func (w *world) schedule(seed uint64) error {
	w.pcg.Seed(seed, 1)
	for events := 0; events < leastEvents; events += w.steps {
		if err := w.life(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) life() error {
	w.reset()
	length := 6 + w.rng.IntN(40)
	if w.oneIn(40) {
		length *= 10
	}
	for w.going() && w.steps < length {
		w.turn()
	}
	w.calm = true
	if w.going() && !w.stopped && !w.lead.Closed && w.coin() {
		w.recover()
	}
	if w.going() {
		w.conclude()
	}
	return w.o.err
}

func (w *world) going() bool { return w.o.err == nil && !w.m.ended }

// soothe lets what does not return do so at last.
func (w *world) soothe() {
	w.whimAt = time.Time{}
	if w.job.op == opNone {
		return
	}
	if w.job.at.IsZero() {
		w.job.at = w.at(w.upTo(3 * time.Second))
	}
	w.job.at = earlier(w.job.at, w.at(time.Minute)) // a minute is long enough for the late
}

// recover makes all well: then the session must serve before long.
func (w *world) recover() {
	w.log.note(w.now, "all is well from now on")
	w.soothe()
	if w.coin() {
		w.lose(ErrLeaseLost)
	}
	w.gain()
	if w.found {
		w.find(nil)
	}
	from := w.now
	for w.going() && !w.serving() {
		if !w.lead.Leader && !w.move.under {
			w.gain()
		}
		w.deliver()
		if w.going() && !w.serving() {
			w.turn()
		}
		// What ran, its revoke, the transfers that were on their way, the longest
		// pause, and a catch-up with an establish.
		if limit := 2*time.Minute + 3*moveBound; w.now.Sub(from) > limit {
			w.o.fail("the session does not serve %v after all is well", limit)
		}
	}
}

// conclude ends Run, and lets everything return.
func (w *world) conclude() {
	w.log.note(w.now, "the end")
	switch {
	case w.stopped || w.lead.Closed:
	case w.coin():
		w.stopped = true
	default:
		w.close()
	}
	w.whimAt = time.Time{}
	w.deliver()
	for turns := 0; w.going(); turns++ {
		if w.o.released || w.oneIn(4) {
			w.soothe()
		}
		if w.job.at.IsZero() && w.o.run != opNone && w.m.alarm().IsZero() {
			w.soothe()
		}
		w.turn()
		if turns > 200 {
			w.o.fail("no end")
		}
	}
	if w.o.err == nil {
		w.o.check(w.o.released && w.o.run == opNone && !w.o.owed && w.o.ask == 0, "the end leaves something behind")
	}
}

// play runs one schedule, and again with a transcript if something is wrong.
func play(w *world, seed uint64) error {
	err := w.schedule(seed)
	if err == nil {
		return nil
	}
	again := newWorld()
	again.log = &transcript{}
	if same := again.schedule(seed); same == nil || same.Error() != err.Error() {
		return fmt.Errorf("seed %d: %w; and when replayed: %w", seed, err, errors.Join(same, errors.New("not the same")))
	}
	return fmt.Errorf("seed %d:\n%s%w", seed, again.log, err)
}

// TestMachineSchedules plays random schedules. A failure prints the seed, and what
// happened in the last life of that schedule.
func TestMachineSchedules(t *testing.T) {
	w := newWorld()
	for seed := range uint64(scheduleSeeds) {
		if err := play(w, seed); err != nil {
			t.Fatal(err)
		}
	}
	require.Empty(t, w.hits.missed(), "the schedules prove less than they seem to")
}

func TestMachineSeedReplays(t *testing.T) {
	transcripts := func(seed uint64) string {
		w := newWorld()
		w.log = &transcript{}
		require.NoError(t, w.schedule(seed))
		return w.log.String()
	}
	for seed := range uint64(50) {
		require.Equal(t, transcripts(seed), transcripts(seed))
	}
}

const lineHead = 10 + 2 + 42 + 1 + 13 + 1 // of a transcript, before the acts

// transcript is what happened, for people.
type transcript struct{ strings.Builder }

func (l *transcript) life(c Config, m mood) {
	if l == nil {
		return
	}
	l.Reset()
	fmt.Fprintf(l, "mood %d, reconcile every %v, transfer after %d, on close %v\n", m, c.ReconcileEvery, c.TransferAfter, c.TransferOnClose)
}

func (l *transcript) note(now time.Time, format string, args ...any) {
	if l != nil {
		fmt.Fprintf(l, "%10s  * %s\n", clock(now), fmt.Sprintf(format, args...))
	}
}

func (l *transcript) fate(o op, f fate) {
	if l != nil {
		fmt.Fprintf(l, "%12s* %v: %v\n", "", o, f)
	}
}

func (l *transcript) move(f moveFate) {
	if l != nil {
		fmt.Fprintf(l, "%12s* transfer: %v\n", "", f)
	}
}

func (l *transcript) step(now time.Time, ev event, acts []act, p Phase) {
	if l == nil {
		return
	}
	words := make([]string, len(acts))
	for i, a := range acts {
		words[i] = a.String()
	}
	line := fmt.Sprintf("%10s  %-42.42s %-13s %s", clock(now), ev, p, strings.Join(words, "; "))
	fmt.Fprintln(l, strings.TrimRight(line, " "))
}

func clock(now time.Time) string { return fmt.Sprintf("%.2fs", now.Sub(worldStart).Seconds()) }

var (
	eventWords = [...]string{"tick", "leadership", "done", "handed over", "end attempt", "ask", "stop", "finding"}
	actWords   = [...]string{"begin", "run", "ready", "cancel", "stuck", "failed", "transfer", "stay", "answer", "release"}
)

func (e event) String() string {
	word := eventWords[e.kind]
	switch e.kind {
	case evTick:
		return word
	case evLeadership:
		switch {
		case e.state.Closed:
			return "raft is closed"
		case e.state.Leader:
			return fmt.Sprintf("leader of epoch %d", e.state.Epoch)
		default:
			return "not the leader"
		}
	case evTransfer:
		return fmt.Sprintf("%s %d", word, e.serial)
	case evEndAttempt:
		return fmt.Sprintf("%s %d: %s", word, e.serial, short(e.err))
	default:
		return fmt.Sprintf("%s: %s", word, short(e.err))
	}
}

func (a act) String() string {
	word := actWords[a.kind]
	switch a.kind {
	case actRun:
		if a.timeout > 0 {
			return fmt.Sprintf("run %v (%v)", a.op, a.timeout)
		}
		return fmt.Sprintf("run %v", a.op)
	case actStuck:
		return fmt.Sprintf("stuck: %v", a.op)
	case actFailed:
		return fmt.Sprintf("failed: %v: %s", whatFailed(a.op), short(a.err))
	case actCancel, actRelease:
		return fmt.Sprintf("%s: %s", word, short(a.err))
	case actAnswer:
		return fmt.Sprintf("answer %d: %s", a.serial, short(a.err))
	case actTransfer:
		return strings.TrimSpace("transfer " + string(a.to))
	default:
		return word
	}
}

func whatFailed(o op) string {
	if o == opNone {
		return "attempt"
	}
	return o.String()
}

func short(err error) string {
	if err == nil {
		return "ok"
	}
	words := strings.Fields(strings.TrimPrefix(err.Error(), "leadership: "))
	return strings.Join(words[:min(len(words), 5)], " ")
}
