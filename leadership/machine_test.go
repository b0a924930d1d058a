// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// row is one event at a time, and the acts it must lead to.
type row struct {
	at   time.Duration
	ev   event
	acts string
}

const (
	ms  = time.Millisecond
	sec = time.Second
)

// usual is the Config of these tests. There is no jitter: a pause is half its
// length.
var usual = Config{EstablishTimeout: sec, RevokeTimeout: 500 * ms, Grace: 200 * ms, TransferAfter: 3}

// stage gives a machine events by hand. The oracle watches.
type stage struct {
	*testing.T
	*world
}

func newStage(t *testing.T, conf Config) *stage {
	s := &stage{t, newWorld()}
	s.scripted, s.log, s.world.now = true, &transcript{}, worldStart
	s.m = machine{conf: conf, jitter: func() float64 { return 0 }}
	s.o = oracle{conf: conf}
	return s
}

// give returns the acts in words.
func (s *stage) give(at time.Duration, ev event) string {
	s.Helper()
	from := s.log.Len()
	s.now = worldStart.Add(at)
	s.step(ev)
	require.NoError(s, s.o.err, "\n%s", s.log)
	line := strings.TrimSuffix(s.log.String()[from:], "\n")
	if len(line) < lineHead {
		return ""
	}
	return line[lineHead:]
}

func (s *stage) play(rows []row) {
	s.Helper()
	for _, r := range rows {
		require.Equal(s, r.acts, s.give(r.at, r.ev), "%v at %v, after\n%s", r.ev, r.at, s.log)
	}
}

func leader(epoch uint64) event {
	return event{kind: evLeadership, state: State{Leader: true, Epoch: epoch}}
}

func follower(epoch uint64) event {
	return event{kind: evLeadership, state: State{Epoch: epoch, Cause: ErrLeaseLost}}
}

func raftEnds(epoch uint64) event {
	return event{kind: evLeadership, state: State{Epoch: epoch, Closed: true, Cause: ErrShutdown}}
}

func done(err error) event                { return event{kind: evDone, err: err} }
func handed(err error) event              { return event{kind: evHanded, err: err} }
func asks(id uint64) event                { return event{kind: evTransfer, serial: id, to: "n2"} }
func ends(serial uint64, err error) event { return event{kind: evEndAttempt, serial: serial, err: err} }

var (
	tick     = event{kind: evTick}
	stopping = event{kind: evStop, err: errStop}
)

// What many stories begin with.
var (
	establishes = []row{
		{0, leader(1), "begin; run catch-up"},
		{0, done(nil), "run establish (1s)"},
	}
	serves = append(establishes[:2:2], row{0, done(nil), "ready"})
	hangs  = append(establishes[:2:2],
		row{1 * sec, tick, "cancel: establish did not finish in"},
		row{1200 * ms, tick, "stuck: establish; transfer"},
	)
)

const joins = "run a goroutine of Session.Go"

func TestMachineDecisions(t *testing.T) {
	never, onClose, once, reconciling := usual, usual, usual, usual
	never.TransferAfter = -1
	onClose.TransferOnClose = true
	once.TransferAfter = 1
	reconciling.ReconcileEvery = 5 * sec
	for _, tc := range []struct {
		name  string
		conf  Config
		start []row
		rows  []row
	}{
		{"a success that comes at the deadline is none", usual, establishes, []row{
			{1 * sec, done(nil), "cancel: establish did not finish in; " + joins},
			{1 * sec, done(nil), "run revoke (500ms)"},
			{1 * sec, done(nil), "failed: attempt: establish did not finish in; transfer"},
		}},
		{"a success after the loss is none", usual, establishes, []row{
			{1 * ms, follower(1), "cancel: stepped down: lost contact with"},
			{2 * ms, done(nil), joins},
		}},
		{"lost and won again is another session", usual, serves, []row{
			{1 * ms, leader(2), "cancel: stepped down: lost contact with; " + joins},
			{2 * ms, done(nil), "run revoke (500ms)"},
			{3 * ms, done(nil), "begin; run catch-up"},
		}},
		{"a loss is not mistaken for a timeout when both are news", usual, establishes, []row{
			{9 * sec, follower(1), "cancel: stepped down: lost contact with"},
			{9 * sec, done(nil), joins},
			{9 * sec, tick, ""},
		}},
		{"what has returned is not stuck when other news comes first", usual, serves, []row{
			{1 * sec, follower(1), "cancel: stepped down: lost contact with; " + joins},
			{9 * sec, leader(2), ""},
			{9 * sec, done(nil), "run revoke (500ms)"},
			{9 * sec, tick, ""},
		}},
		{"nor is Run told so when it ends", usual, serves, []row{
			{1 * sec, follower(1), "cancel: stepped down: lost contact with; " + joins},
			{9 * sec, stopping, ""},
			{9 * sec, done(nil), "run revoke (500ms)"},
			{9 * sec, tick, ""},
			{9 * sec, done(nil), "release: ok"},
		}},
		{"a pause that was for one leadership does not hold up the next", once, establishes, []row{
			{1 * ms, done(errBoom), "cancel: boom; " + joins},
			{1 * ms, done(nil), "run revoke (500ms)"},
			{1 * ms, done(nil), "failed: attempt: boom; transfer"},
			{2 * ms, leader(2), ""},
			{3 * ms, handed(nil), "begin; run catch-up"},
		}},
		{"a transfer that fails is not followed by another at once", usual, hangs, []row{
			{1300 * ms, done(nil), joins},
			{1300 * ms, done(nil), "run revoke (500ms)"},
			{1300 * ms, done(nil), "failed: attempt: establish did not finish in"},
			{1400 * ms, handed(errMove), ""},
			{1450 * ms, tick, "begin; run catch-up"},
		}},
		{"a step of the callback's own that was too slow is a failure like any", usual, establishes, []row{
			{1 * ms, done(errNested), "cancel: a step: leadership: establish did; " + joins},
			{1 * ms, done(nil), "run revoke (500ms)"},
			{1 * ms, done(nil), "failed: attempt: a step: leadership: establish did"},
			{51 * ms, tick, "begin; run catch-up"},
			{51 * ms, done(nil), "run establish (1s)"},
		}},
		{"a reassert is no failure, and waits for nothing but the revoke", once, serves, []row{
			{1 * ms, ends(1, ErrReasserted), "cancel: reasserted: a new session follows; " + joins},
			{1 * ms, done(nil), "run revoke (500ms)"},
			{1 * ms, done(nil), "begin; run catch-up"},
			{1 * ms, ends(1, errMember), ""},
			{1 * ms, ends(2, ErrReasserted), "cancel: reasserted: a new session follows"},
			{1 * ms, done(errObeyed), "begin; run catch-up"},
		}},
		{"when raft knows of a loss before we do, nobody has failed", once, establishes[:1], []row{
			{0, done(raft.ErrNotLeader), "cancel: node is not the leader"},
			{99 * ms, tick, ""},
			{100 * ms, tick, "begin; run catch-up"},
		}},
		{"a catch-up without progress declines at once", usual, establishes[:1], []row{
			{sec, done(ErrNoProgress), "cancel: the state machine makes no; failed: attempt: the state machine makes no; transfer"},
			{2 * sec, handed(ErrNoTarget), ""},
			{2050 * ms, tick, "begin; run catch-up"},
		}},
		{"a reconcile that fails goes on, one that panics does not", reconciling, serves, []row{
			{4 * sec, tick, ""},
			{5 * sec, tick, "run reconcile (1s)"},
			{5500 * ms, done(errBoom), "failed: reconcile: boom"},
			{10 * sec, tick, ""},
			{10500 * ms, tick, "run reconcile (1s)"},
			{10500 * ms, done(errPanic), "cancel: the callback panicked: boom; " + joins},
		}},
		{"a request waits for the revoke; a second is turned away", usual, serves, []row{
			{1 * ms, asks(1), "cancel: handing over to another server; " + joins},
			{1 * ms, asks(2), "answer 2: a transfer is under way"},
			{1 * ms, done(nil), "run revoke (500ms)"},
			{1 * ms, done(nil), "transfer n2"},
			{1 * ms, asks(3), "answer 3: a transfer is under way"},
			{2 * ms, handed(nil), "answer 1: ok"},
			{3 * ms, asks(4), "answer 4: transfer: node is not the"},
			{4 * ms, follower(1), ""},
			{5 * ms, leader(2), "begin; run catch-up"},
		}},
		{"a request that fails costs nothing but a new attempt", usual, serves, []row{
			{1 * ms, asks(1), "cancel: handing over to another server; " + joins},
			{1 * ms, done(nil), "run revoke (500ms)"},
			{1 * ms, done(nil), "transfer n2"},
			{2 * ms, handed(errMove), "answer 1: the transfer failed; begin; run catch-up"},
		}},
		{"a request beside what is stuck is carried out", never, establishes, []row{
			{1 * sec, tick, "cancel: establish did not finish in"},
			{1200 * ms, tick, "stuck: establish"},
			{2 * sec, asks(1), "transfer n2"},
			{3 * sec, stopping, "answer 1: the Runner has been stopped; release: a callback still runs"},
			{3 * sec, asks(2), "answer 2: the Runner has been stopped"},
			{4 * sec, handed(nil), ""},
			{5 * sec, done(nil), joins},
			{5 * sec, done(nil), "run revoke (500ms)"},
			{5 * sec, done(nil), "failed: attempt: establish did not finish in"},
		}},
		{"beside what is stuck the third transfer waits", usual, hangs, []row{
			{2 * sec, handed(errMove), ""},
			{2050 * ms, tick, "transfer"},
			{3 * sec, handed(errMove), ""},
			{601199 * ms, tick, ""},
			{601200 * ms, tick, "transfer"},
		}},
		{"a revoke that hangs is told as well", usual, serves, []row{
			{1 * sec, follower(1), "cancel: stepped down: lost contact with; " + joins},
			{1 * sec, done(nil), "run revoke (500ms)"},
			{1500 * ms, tick, ""},
			{1700 * ms, tick, "stuck: revoke"},
			{3 * sec, leader(2), "transfer"},
			{4 * sec, tick, ""},
			{5 * sec, follower(2), ""},
			{5 * sec, handed(nil), ""},
			{6 * sec, done(errBoom), "failed: revoke: boom"},
		}},
		{"at the end leadership is handed over, once", onClose, serves, []row{
			{1 * sec, stopping, "cancel: the Runner has been stopped:; " + joins},
			{1 * sec, done(nil), "run revoke (500ms)"},
			{1 * sec, done(nil), "transfer"},
			{2 * sec, handed(errMove), "release: ok"},
		}},
		{"raft may end before the transfer does", onClose, serves, []row{
			{1 * sec, stopping, "cancel: the Runner has been stopped:; " + joins},
			{1 * sec, done(nil), "run revoke (500ms)"},
			{1 * sec, done(nil), "transfer"},
			{1 * sec, raftEnds(1), ""},
			{2 * sec, handed(raft.ErrRaftShutdown), "release: ok"},
		}},
		{"fenced, nothing begins", usual, serves, []row{
			{1 * sec, event{kind: evFinding, err: errHiccup}, "cancel: found; " + joins},
			{1 * sec, done(nil), "run revoke (500ms)"},
			{1 * sec, done(nil), ""},
			{2 * sec, leader(2), ""},
			{3 * sec, event{kind: evFinding}, "begin; run catch-up"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t, tc.conf)
			s.play(tc.start)
			s.play(tc.rows)
		})
	}
}

// fail makes the present attempt fail at once and returns when the next one begins.
func (s *stage) fail(at time.Duration) time.Duration {
	s.Helper()
	s.play([]row{
		{at, done(nil), "run establish (1s)"},
		{at, done(errBoom), "cancel: boom; " + joins},
		{at, done(nil), "run revoke (500ms)"},
	})
	s.give(at, done(nil))
	return s.next(at)
}

// next goes on to the next attempt.
func (s *stage) next(at time.Duration) time.Duration {
	s.Helper()
	if next := s.m.alarm(); !next.IsZero() {
		at = next.Sub(worldStart)
		require.Equal(s, "begin; run catch-up", s.give(at, tick))
	}
	return at
}

func TestMachinePausesGrow(t *testing.T) {
	conf := usual
	conf.TransferAfter = -1
	s := newStage(t, conf)
	s.give(0, leader(1))
	var pauses []time.Duration
	var at time.Duration
	for range 10 {
		next := s.fail(at)
		pauses = append(pauses, next-at)
		at = next
	}
	require.Equal(t, []time.Duration{ // half of what they are with all of the jitter
		50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5 * sec, 5 * sec, 5 * sec,
	}, pauses)
}

func TestMachineTimeoutsDouble(t *testing.T) {
	conf := usual
	conf.TransferAfter = -1
	s := newStage(t, conf)
	s.give(0, leader(1))
	var at time.Duration
	for i := range 9 {
		timeout := sec << min(i, 6)
		require.Equal(t, "run establish ("+timeout.String()+")", s.give(at, done(nil)))
		at += timeout
		s.play([]row{
			{at, tick, "cancel: establish did not finish in"},
			{at, done(errObeyed), joins},
			{at, done(nil), "run revoke (500ms)"},
			{at, done(nil), "failed: attempt: establish did not finish in"},
		})
		at = s.next(at)
	}
	s.play([]row{
		{at, done(nil), "run establish (1m4s)"},
		{at, done(nil), "ready"},
		{at, leader(2), "cancel: stepped down: lost contact with; " + joins},
		{at, done(nil), "run revoke (500ms)"},
		{at, done(nil), "begin; run catch-up"},
		{at, done(nil), "run establish (1s)"},
	})
}

// A session that ends for no fault of its own ends the row of failures, and so does
// one that fails after it has worked for a while. How long the revoke takes is no
// merit.
func TestMachineFailuresInARow(t *testing.T) {
	for _, tc := range []struct {
		name   string
		served time.Duration
		end    event
		revoke time.Duration
		pause  time.Duration // before the attempt after the next failure
	}{
		{"lost", 1 * sec, leader(2), 0, 50 * ms},
		{"reasserted", 1 * sec, ends(3, ErrReasserted), 0, 50 * ms},
		{"failed soon", 10 * sec, ends(3, errMember), 0, 400 * ms},
		{"failed late", 10*sec + ms, ends(3, errMember), 0, 100 * ms},
		{"failed soon, revoked late", 1 * sec, ends(3, errMember), 12 * sec, 400 * ms},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conf := usual
			conf.TransferAfter, conf.RevokeTimeout = -1, time.Minute
			s := newStage(t, conf)
			s.give(0, leader(1))
			var at time.Duration
			failOnce := func() time.Duration {
				s.give(at, done(nil))
				s.give(at, done(errBoom))
				s.give(at, done(nil))
				s.give(at, done(nil))
				return s.next(at)
			}
			at = failOnce()
			at = failOnce()
			s.give(at, done(nil))
			s.give(at, done(nil))
			at += tc.served
			s.give(at, tc.end)
			s.give(at, done(nil))
			at += tc.revoke
			s.give(at, done(nil))
			at = s.next(at)
			require.Equal(t, tc.pause, failOnce()-at, "\n%s", s.log)
		})
	}
}

func TestMachineTransfersAfterFailures(t *testing.T) {
	s := newStage(t, usual)
	s.give(0, leader(1))
	at := s.fail(0)
	at = s.fail(at)
	for range 2 {
		s.fail(at)
		require.Equal(t, HandingOver, s.m.phase())
		s.give(at, handed(errMove))
		at = s.next(at)
	}
	s.fail(at)
	require.Contains(t, s.log.String(), "failed: attempt: boom; stay\n", "a third within ten minutes")
}

// A leadership and its session are nothing but work: they leave no garbage.
func TestMachineAllocatesNothing(t *testing.T) {
	m := machine{conf: usual, jitter: func() float64 { return 0 }}
	epoch := uint64(0)
	life := func() {
		epoch++
		for _, ev := range [...]event{leader(epoch), done(nil), done(nil), tick, follower(epoch), done(nil), done(nil), tick} {
			m.step(worldStart, ev)
		}
	}
	require.Zero(t, testing.AllocsPerRun(100, life))
	require.Equal(t, Following, m.phase())
}

func TestRunnerWithoutReconcile(t *testing.T) {
	role := Role{Establish: nil}
	require.Zero(t, newRunner(nil, NewNotifier(), role, Config{ReconcileEvery: sec}).conf.ReconcileEvery)
}

// TestMachineLife is a story from the first leadership to the end of the last debt.
func TestMachineLife(t *testing.T) {
	conf := usual
	conf.ReconcileEvery = 10 * sec
	s := newStage(t, conf)
	for _, r := range []struct {
		at time.Duration
		ev event
	}{
		{0, follower(0)},
		{1 * sec, leader(1)},
		{1300 * ms, done(nil)},  // caught up
		{1900 * ms, done(nil)},  // established
		{11900 * ms, tick},      // time to reconcile
		{12100 * ms, done(nil)}, // reconciled
		{15 * sec, ends(1, errMember)},
		{15100 * ms, done(nil)}, // joined
		{15200 * ms, done(nil)}, // revoked
		{15250 * ms, tick},      // the second attempt
		{15300 * ms, done(nil)},
		{16300 * ms, tick}, // establish hangs
		{16500 * ms, tick}, // and is given up
		{17 * sec, follower(1)},
		{17 * sec, handed(nil)},
		{60 * sec, leader(2)}, // of no use: declined again
		{61 * sec, handed(errMove)},
		{62 * sec, stopping},
		{62 * sec, asks(1)},
		{80 * sec, done(errors.New("at last"))},
		{80 * sec, done(nil)},
		{80100 * ms, done(nil)},
	} {
		s.give(r.at, r.ev)
	}
	file := filepath.Join("testdata", "machine_life.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(file, []byte(s.log.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run with -update")
	require.Equal(t, string(want), s.log.String())
}
