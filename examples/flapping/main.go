// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Command flapping shows why a raft server deadlocks when leadership flaps,
// and that it need not. It runs a real hashicorp/raft group in this process,
// in memory and in real time, and moves leadership from server to server while
// the programs on them do what a leader does first: write, and wait for it.
//
// First with raft's NotifyCh read by an ordinary loop, as in nomad#6977, until
// a server hangs; then the same schedule with package leadership.
//
//	go run ./examples/flapping
//	go run ./examples/flapping -n 60 -nodes 5 -svg timeline.svg
//
// It exits 0 if the first part hung and the second kept every guarantee, 1 if
// not, and 2 when it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const width = 100 // columns of the pictures

type options struct {
	flaps, nodes int
	seed         uint64
	svg          string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("flapping", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.flaps, "n", 15, "how often leadership moves, `1..1000`; ten times that, or until it hangs, in the first part")
	flags.IntVar(&o.nodes, "nodes", 3, "servers in the group, `2..9`")
	flags.Uint64Var(&o.seed, "seed", 1, "`number` that decides how and when leadership moves")
	flags.StringVar(&o.svg, "svg", "", "also write the second timeline to this `file`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("it takes no arguments, only flags; got %q", flags.Arg(0))
	case o.flaps < 1 || o.flaps > 1000:
		err = fmt.Errorf("-n is %d; want 1 to 1000", o.flaps)
	case o.nodes < 2 || o.nodes > 9:
		err = fmt.Errorf("-nodes is %d; want 2 to 9, for leadership must have somewhere to go", o.nodes)
	}
	if err != nil {
		fmt.Fprintln(stderr, "flapping:", err)
		flags.Usage()
	}
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	err = show(ctx, o, stdout, stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(stderr, "flapping:", err)
		return 1
	}
	return 0
}

func show(ctx context.Context, o options, stdout, stderr io.Writer) error {
	svg, err := createSVG(o.svg) // a bad name is told now, not after the show
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, preface)
	until := o
	until.flaps *= 10 // it survives a flap as often as not
	hung, err := drive(ctx, until, false, stderr)
	if err != nil {
		return err
	}
	if hung.stuck == "" {
		return fmt.Errorf("the ordinary loop survived %d changes of leader, as it may; try a larger -n or another -seed", hung.moved)
	}
	fmt.Fprintf(stdout, "%s\n%s\n", hung.stuck, hung.timeline.Text(width))

	fmt.Fprintf(stdout, "2. The same with package leadership\n\n")
	kept, err := drive(ctx, o, true, stderr)
	if err != nil {
		return err
	}
	if kept.stuck != "" {
		return errors.New("guarantee 1 is broken: " + kept.stuck)
	}
	fmt.Fprintf(stdout, "Nothing hangs: leadership moved %d times, was gained %d times, and every program was told so.\n\n%s",
		kept.moved, kept.gains, kept.timeline.Text(width))
	if svg == nil {
		return nil
	}
	return errors.Join(kept.timeline.SVG(svg), svg.Close())
}

const preface = `raft tells a program that its server leads, or no longer does, by a send on a channel, NotifyCh, and waits
until the program receives. A new leader's program asks raft to confirm that all before it is applied (Barrier).
Here leadership moves while programs do that.

1. NotifyCh, read by an ordinary loop

`

// createSVG returns nil if there is no name.
func createSVG(name string) (*os.File, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("-svg: %w", err)
	}
	return f, nil
}
