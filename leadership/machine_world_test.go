// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"
)

// world is what surrounds a machine, in time that only it advances: raft, the
// goroutine that callbacks run on, a transfer, and whoever calls the Runner. It is
// written from the documentation and from what loop.go promises, which is the
// newest leadership before anything that followed from it, and a tick last.
type world struct {
	pcg  rand.PCG
	rng  *rand.Rand
	m    machine
	o    oracle
	hits *hits
	log  *transcript // nil: nobody reads it

	scripted bool // nothing happens by itself

	now    time.Time
	mood   mood
	calm   bool // all behaves from now on
	steps  int  // in this life
	whimAt time.Time

	lead     State // of raft, now
	told     mark  // of raft, as last told
	greeted  bool  // it has been told once
	stopped  bool  // Run's context has ended
	stopTold bool
	found    bool
	mail     []event
	batch    []event

	job  job
	move move

	begun   uint64 // sessions so far
	epoch   uint64 // of the present one
	ended   bool   // its context has
	tickets uint64
}

// job is what runs on the goroutine of the callbacks.
type job struct {
	op    op
	fate  fate
	at    time.Time // when it returns; zero: no time is set
	err   error
	obeys bool          // it returns soon after its context has ended
	delay time.Duration // how soon
}

// move is a transfer.
type move struct {
	under bool
	fate  moveFate
	at    time.Time
	epoch uint64
	loss  time.Time // when raft loses what it has handed over
}

// fate is what becomes of a callback.
type fate uint8

const (
	fateOK      fate = iota
	fateError        // an error, in time
	fatePanic        // a panic, in time
	fateRefused      // raft says that it does not lead (the catch-up)
	fateLate         // success, after the timeout and before the end of Grace
	fateObeys        // returns only when its context ends
	fateIgnores      // returns long after its context has ended
	fateNever
	fates
)

var fateWords = [fates]string{"ok", "error", "panic", "refused", "late success", "obeys", "ignores", "never returns"}

func (f fate) String() string { return fateWords[f] }

// possible says which fates an op can have.
var possible = [opRevoke + 1][fates]bool{
	opCatchUp:   {fateOK: true, fateError: true, fateRefused: true, fateObeys: true},
	opEstablish: {fateOK: true, fateError: true, fatePanic: true, fateLate: true, fateObeys: true, fateIgnores: true, fateNever: true},
	opReconcile: {fateOK: true, fateError: true, fatePanic: true, fateLate: true, fateObeys: true, fateIgnores: true, fateNever: true},
	opJoin:      {fateOK: true, fateObeys: true, fateIgnores: true, fateNever: true},
	opRevoke:    {fateOK: true, fateError: true, fatePanic: true, fateLate: true, fateObeys: true, fateIgnores: true, fateNever: true},
}

type moveFate uint8

const (
	movedAfterLoss  moveFate = iota // lost, then nil: what raft does
	movedBeforeLoss                 // nil, and the loss is told later
	movedAndBack                    // lost and won again before the answer
	moveFailed
	moveFates
)

var moveWords = [moveFates]string{"lost, then nil", "nil, then lost", "lost and won again, then nil", "an error"}

func (f moveFate) String() string { return moveWords[f] }

// whim is something that happens without a reason.
type whim uint8

const (
	whimGain whim = iota
	whimLose
	whimFlap // lost and won again, seen as one
	whimClose
	whimReassert
	whimGoroutine // one of Session.Go fails
	whimStale     // one of an older session
	whimAsk
	whimAskTwice
	whimStop
	whimFind
	whimFindNoMore
	whimTick
	whims
)

var whimWords = [whims]string{
	"gain", "lose", "flap", "close", "reassert", "goroutine fails", "stale goroutine fails",
	"ask", "ask twice", "stop", "find", "find no more", "tick",
}

func (h whim) String() string { return whimWords[h] }

var whimWeights = [whims]int{20, 8, 5, 1, 6, 6, 3, 5, 2, 2, 3, 6, 4}

// mood sets the odds of a life.
type mood uint8

const (
	healthy mood = iota
	failing
	slow
	hangsOn
	mixed
	moods
)

var moodWeights = [moods][fates]int{
	healthy: {20, 1, 1, 0, 0, 1, 0, 0},
	failing: {3, 20, 3, 2, 0, 0, 0, 0},
	slow:    {2, 1, 0, 1, 8, 12, 0, 0},
	hangsOn: {6, 1, 1, 1, 1, 2, 8, 4},
	mixed:   {8, 3, 2, 2, 2, 3, 2, 1},
}

// Errors of the world.
var (
	errBoom     = errors.New("boom")
	errNested   = fmt.Errorf("a step: %w", ErrEstablishTimeout) // of a timeout of its own
	errPanic    = fmt.Errorf("the callback %w: boom", errPanicked)
	errMember   = errors.New("a goroutine failed")
	errStop     = fmt.Errorf("%w: by the world", ErrStopped)
	errMove     = errors.New("the transfer failed")
	errHiccup   = errors.New("found")
	errObeyed   = errors.New("the context has ended")
	lossCauses  = [...]error{nil, ErrLeaseLost, ErrSuperseded, ErrTransferred, ErrRemoved}
	worldStart  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	moveBound   = 2 * time.Second
	moodConfigs = [...]time.Duration{0, 700 * time.Millisecond, 20 * time.Second}
	whimPauses  = [...]time.Duration{
		0, time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond,
		3 * time.Second, 20 * time.Second, 3 * time.Minute, 10 * time.Minute,
	}
)

const grain = 10 * time.Millisecond // coarse, so that things coincide

func newWorld() *world {
	w := &world{hits: &hits{}}
	w.rng = rand.New(&w.pcg) //nolint:gosec // it must replay
	return w
}

// reset begins a life.
func (w *world) reset() {
	acts := w.m.acts[:0]
	*w = world{pcg: w.pcg, rng: w.rng, hits: w.hits, log: w.log, mail: w.mail[:0], batch: w.batch[:0], now: worldStart}
	w.rng = rand.New(&w.pcg) //nolint:gosec // it must replay
	w.mood = mood(w.rng.IntN(int(moods)))
	conf := Config{
		EstablishTimeout: time.Second,
		RevokeTimeout:    500 * time.Millisecond,
		Grace:            200 * time.Millisecond,
		ReconcileEvery:   moodConfigs[w.rng.IntN(len(moodConfigs))],
		TransferAfter:    [...]int{-1, 1, 3}[w.rng.IntN(3)],
		TransferOnClose:  w.coin(),
	}
	w.m = machine{conf: conf, jitter: w.rng.Float64, acts: acts}
	w.o = oracle{conf: conf, now: w.now}
	w.log.life(conf, w.mood)
	if !w.oneIn(5) {
		w.gain()
	}
	w.nextWhim()
}

func (w *world) coin() bool                   { return w.rng.Uint64()&1 == 0 }
func (w *world) oneIn(n int) bool             { return w.rng.IntN(n) == 0 }
func (w *world) serving() bool                { return w.m.phase() == Serving }
func (w *world) post(ev event)                { w.mail = append(w.mail, ev) }
func (w *world) session() bool                { return w.begun > 0 }
func (w *world) newest() bool                 { return w.greeted && w.told == w.lead.mark() }
func (w *world) at(d time.Duration) time.Time { return w.now.Add(d) }

// upTo draws a duration between nothing and d, both included.
func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.IntN(int(d/grain)+1)) * grain
}

func draw[T ~uint8](w *world, weights []int) T {
	sum := 0
	for _, n := range weights {
		sum += n
	}
	n := w.rng.IntN(sum)
	for i, weight := range weights {
		if n -= weight; n < 0 {
			return T(i)
		}
	}
	panic("not reached")
}

// turn goes on to the next instant at which something happens, at times to a later
// one because the process had to wait for its turn.
func (w *world) turn() {
	next := w.m.alarm()
	for _, at := range [...]time.Time{w.job.at, w.move.at, w.move.loss, w.whimAt} {
		next = earlier(next, at)
	}
	if next.IsZero() {
		w.o.fail("nothing will ever happen again, and the machine is %v", w.m.phase())
		return
	}
	if next.After(w.now) {
		w.now = next
	}
	if !w.calm && w.oneIn(12) {
		pause := w.upTo(3 * time.Second)
		w.now = w.at(pause)
		w.o.paused += pause
		w.log.note(w.now, "everything stood still for %v", pause)
		w.hits.pauses++
	}
	w.happen()
	w.deliver()
}

// earlier treats zero as never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// happen lets everything happen that is due, in order.
func (w *world) happen() {
	now := w.now
	defer func() { w.now = now }()
	for {
		at := earlier(earlier(w.job.at, w.move.at), earlier(w.move.loss, w.whimAt))
		if at.IsZero() || at.After(now) {
			return
		}
		w.now = at
		switch at {
		case w.move.loss:
			w.move.loss = time.Time{}
			if w.lead.Leader && w.lead.Epoch == w.move.epoch {
				w.lose(ErrTransferred)
			}
		case w.job.at:
			w.finish()
		case w.move.at:
			w.moved()
		default:
			w.whimAt = time.Time{}
			if !w.calm {
				w.whim(draw[whim](w, whimWeights[:]))
				w.nextWhim()
			}
		}
	}
}

func (w *world) nextWhim() { w.whimAt = w.at(whimPauses[w.rng.IntN(len(whimPauses))]) }

// deliver is one round of loop.run.
func (w *world) deliver() {
	if w.stopped && !w.stopTold && (len(w.mail) == 0 || w.coin()) {
		w.stopTold = true
		w.step(event{kind: evStop, err: errStop})
	}
	w.batch, w.mail = append(w.batch[:0], w.mail...), w.mail[:0]
	for _, ev := range w.batch {
		w.tellLeadership()
		w.step(ev)
		if !w.calm && w.oneIn(16) { // raft does not wait for us
			w.whim([...]whim{whimGain, whimLose, whimFlap}[w.rng.IntN(3)])
		}
	}
	w.tellLeadership()
	w.step(event{kind: evTick})
}

func (w *world) tellLeadership() {
	if w.newest() || w.m.lead.Closed {
		return
	}
	w.greeted, w.told = true, w.lead.mark()
	w.step(event{kind: evLeadership, state: w.lead})
}

// step gives one event to the machine and to the oracle, and performs the acts.
func (w *world) step(ev event) {
	if w.o.err != nil {
		return
	}
	w.steps++
	w.hits.events[ev.kind]++
	before := w.m.phase()
	w.o.take(w.now, ev)
	acts := w.m.step(w.now, ev)
	after := w.m.phase()
	w.log.step(w.now, ev, acts, after)
	for _, a := range acts {
		w.hits.acts[a.kind]++
		w.o.act(a)
		if !w.scripted {
			w.perform(a)
		}
	}
	w.hits.edges[before][after]++
	w.o.settle(&w.m, len(w.mail) > 0 && hasDone(w.mail), ev.kind == evTick)
	if before != after && !phaseEdges[before][after] {
		w.o.fail("phase %v -> %v", before, after)
	}
	w.hits.count(&w.o)
}

func hasDone(mail []event) bool {
	for _, ev := range mail {
		if ev.kind == evDone {
			return true
		}
	}
	return false
}

func (w *world) perform(a act) {
	switch a.kind {
	case actBegin:
		w.begun++
		w.epoch, w.ended = w.told.epoch, false
		w.endBound()
	case actCancel:
		w.end()
	case actRun:
		w.start(a.op, a.timeout)
	case actTransfer:
		w.transfer()
	}
}

// endBound ends the session's context inside raft's own state change.
func (w *world) endBound() {
	if w.session() && (!w.lead.Leader || w.lead.Epoch != w.epoch) {
		w.end()
	}
}

// end ends the session's context: what obeys it returns soon.
func (w *world) end() {
	if w.ended {
		return
	}
	w.ended = true
	if w.job.op != opNone && w.job.op != opRevoke && w.job.obeys {
		soon := w.at(w.job.delay)
		if w.job.at.IsZero() || soon.Before(w.job.at) {
			w.job.at, w.job.err = soon, errObeyed
		}
	}
}

func (w *world) start(o op, timeout time.Duration) {
	f := fateOK
	if !w.calm {
		weights := moodWeights[w.mood]
		for i := range weights {
			if !possible[o][i] {
				weights[i] = 0
			}
		}
		f = draw[fate](w, weights[:])
	}
	w.hits.fates[o][f]++
	w.log.fate(o, f)
	grace := w.m.conf.Grace
	j := job{op: o, fate: f, obeys: o == opCatchUp || w.coin(), delay: w.upTo(grace)}
	switch o {
	case opCatchUp:
		j.delay = 0
		timeout = time.Minute
	case opJoin:
		timeout = 0
	}
	switch f {
	case fateOK:
		j.at = w.at(min(w.upTo(900*time.Millisecond), max(0, timeout-grain)))
	case fateError, fatePanic, fateRefused:
		j.at = w.at(min(w.upTo(900*time.Millisecond), max(0, timeout-grain)))
		j.err = errBoom
		switch {
		case o == opEstablish && f == fateError && w.coin():
			j.err = errNested
		case f == fatePanic:
			j.err = errPanic
		case f == fateRefused:
			j.err = raft.ErrNotLeader
		case o == opCatchUp:
			j.err = ErrNoProgress
		}
	case fateLate:
		j.at, j.obeys = w.at(timeout+w.upTo(grace)), false
	case fateObeys:
		j.at, j.obeys = w.at(timeout+j.delay), true
		j.err = errObeyed
		if o == opCatchUp {
			j.err = ErrNoProgress
		}
	case fateIgnores:
		j.at, j.obeys = w.at(timeout+grace+grain+w.upTo([...]time.Duration{time.Second, 12 * time.Minute}[w.rng.IntN(2)])), false
	case fateNever:
		j.obeys = false
	}
	w.job = j
	if w.ended { // it begins with a context that has ended
		w.ended = false
		w.end()
	}
}

// finish is the return of a callback.
func (w *world) finish() {
	err := w.job.err
	if w.job.op == opJoin {
		err = nil
	}
	w.job = job{}
	w.post(event{kind: evDone, token: Token{Term: 1, Index: w.begun}, err: err})
}

func (w *world) transfer() {
	f := moveFailed
	if !w.calm || w.coin() {
		f = moveFate(w.rng.IntN(int(moveFates)))
	}
	if w.lead.Epoch != w.told.epoch || !w.lead.Leader {
		f = moveFailed // lost before raft was asked
	}
	w.hits.moves[f]++
	w.move = move{under: true, fate: f, at: w.at(w.upTo(moveBound)), epoch: w.lead.Epoch}
	w.log.move(f)
}

// moved is raft's answer to a transfer.
func (w *world) moved() {
	var err error
	ours := w.lead.Leader && w.lead.Epoch == w.move.epoch
	switch {
	case w.move.fate == moveFailed || !ours && w.coin():
		err = errMove
	case !ours:
	case w.move.fate == movedBeforeLoss:
		w.move.loss = w.at(w.upTo(50 * time.Millisecond))
	default:
		w.lose(ErrTransferred)
		if w.move.fate == movedAndBack {
			w.gain()
		}
	}
	w.move.under, w.move.at = false, time.Time{}
	w.post(event{kind: evHanded, err: err})
}

func (w *world) gain() {
	if !w.lead.Leader && !w.lead.Closed {
		w.lead.Leader = true
		w.lead.Epoch++
	}
}

func (w *world) lose(cause error) {
	if w.lead.Leader {
		w.lead.Leader, w.lead.Cause = false, cause
		w.endBound()
	}
}

func (w *world) close() {
	w.lose(ErrShutdown)
	w.lead.Closed = true
}

func (w *world) ask() {
	w.tickets++
	w.post(event{kind: evTransfer, serial: w.tickets, to: "n2"})
}

func (w *world) find(err error) {
	w.found = err != nil
	w.post(event{kind: evFinding, err: err})
}

func (w *world) whim(h whim) {
	w.hits.whims[h]++
	w.log.note(w.now, "%v", h)
	switch h {
	case whimGain:
		w.gain()
	case whimLose:
		w.lose(lossCauses[w.rng.IntN(len(lossCauses))])
	case whimFlap:
		w.lose(ErrLeaseLost)
		w.gain()
	case whimClose:
		w.close()
	case whimReassert:
		w.endBy(ErrReasserted)
	case whimGoroutine:
		if !w.ended {
			w.endBy(errMember)
		}
	case whimStale:
		if w.begun > 1 {
			w.post(event{kind: evEndAttempt, serial: w.begun - 1, err: errMember})
		}
	case whimAsk:
		w.ask()
	case whimAskTwice:
		w.ask()
		w.ask()
	case whimStop:
		w.stopped = true
	case whimFind:
		w.find(errHiccup)
	case whimFindNoMore:
		if w.found {
			w.find(nil)
		}
	}
}

// endBy is Session.end.
func (w *world) endBy(cause error) {
	if w.session() {
		w.post(event{kind: evEndAttempt, serial: w.begun, err: cause})
		w.end()
	}
}
