// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"time"
)

func (l *loop) startBeside() {
	ctx, halt := context.WithCancel(l.values)
	l.halt = halt
	if !l.conf.Watchdog.Off {
		l.beside("the watchdog", func() { (&watchdog{Runner: l.Runner}).run(ctx) })
	}
	if to := l.conf.Events; to.Phase != nil || to.Finding != nil {
		l.beside("a function of Config.Events", func() { l.story.deliver(ctx.Done()) })
	}
}

// beside runs fn on a goroutine that stopBeside waits for.
func (l *loop) beside(what string, fn func()) {
	done := make(chan struct{})
	l.companions = append(l.companions, companion{what, done})
	go func() {
		defer close(done)
		fn()
	}()
}

// companion is a goroutine beside the loop.
type companion struct {
	what string
	done chan struct{}
}

// stopBeside stops what runs beside the loop, and returns a *StuckError for a
// function of the program that does not return.
func (l *loop) stopBeside() error {
	l.halt()
	start := time.Now()
	grace := time.NewTimer(l.conf.Grace)
	defer grace.Stop()
	companions := l.companions
	l.companions = nil
	for _, c := range companions {
		select {
		case <-c.done:
		case <-grace.C:
			return &StuckError{Op: c.what, After: time.Since(start), Cause: l.cause(), Done: c.done}
		}
	}
	return nil
}

// cause is why Run ends.
func (l *loop) cause() error {
	if l.machine.stop != nil {
		return l.machine.stop
	}
	return ErrClosed
}
