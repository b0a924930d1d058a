// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// history is what clients did and saw. Its clock counts: two instants of a
// real one may be equal.
type history struct {
	mu    sync.Mutex
	clock int64
	ops   []porcupine.Operation
}

// request is the input of an operation: put, remove, or a read.
type request struct {
	op         op // read: a linearizable get
	key, value string
}

const read op = 0

// seen is the output of a read, and the state of a key.
type seen struct {
	there bool
	value string
}

func (h *history) begin() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (h *history) end(client int, r request, call int64, out seen) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Call: call, Output: out, Return: h.clock})
}

// unknown keeps a write that may take effect at any time from its call on, or
// never. What was refused, and a read without an answer, is not kept at all.
func (h *history) unknown(client int, r request, call int64) {
	if r.op == read {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Call: call, Output: seen{}, Return: math.MaxInt64})
}

func (h *history) check() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(registers, h.ops, 30*time.Second)
}

func (h *history) unknowns() (n int) {
	for _, o := range h.ops {
		if o.Return == math.MaxInt64 {
			n++
		}
	}
	return n
}

// registers is the model: every key is a register of its own.
var registers = porcupine.Model{
	Partition: func(ops []porcupine.Operation) (parts [][]porcupine.Operation) {
		part := map[string]int{}
		for _, o := range ops {
			key := o.Input.(request).key
			if _, ok := part[key]; !ok {
				part[key] = len(parts)
				parts = append(parts, nil)
			}
			parts[part[key]] = append(parts[part[key]], o)
		}
		return parts
	},
	Init: func() any { return seen{} },
	Step: func(state, input, output any) (bool, any) {
		switch r := input.(request); r.op {
		case put:
			return true, seen{true, r.value}
		case remove:
			return true, seen{}
		}
		return output == state, state
	},
}

// event is an operation of a hand-made history, over before the next begins.
type event struct {
	request
	out     seen
	unknown bool
}

func TestHistoriesAreJudged(t *testing.T) {
	put1 := event{request: request{put, "k", "1"}}
	put2 := event{request: request{put, "k", "2"}}
	lost2 := event{request: request{put, "k", "2"}, unknown: true}
	gone := event{request: request{op: remove, key: "k"}}
	get := func(value string) event { return event{request: request{op: read, key: "k"}, out: seen{true, value}} }
	none := event{request: request{op: read, key: "k"}}
	for name, tc := range map[string]struct {
		events []event
		want   porcupine.CheckResult
	}{
		"as it should be":                    {[]event{none, put1, get("1"), put2, get("2"), gone, none}, porcupine.Ok},
		"a stale read":                       {[]event{put1, put2, get("1")}, porcupine.Illegal},
		"a lost write":                       {[]event{put1, none}, porcupine.Illegal},
		"a lost delete":                      {[]event{put1, gone, get("1")}, porcupine.Illegal},
		"a value out of nothing":             {[]event{put1, get("3")}, porcupine.Illegal},
		"unknown, and never done":            {[]event{put1, lost2, get("1"), get("1")}, porcupine.Ok},
		"unknown, and done late":             {[]event{put1, lost2, get("1"), get("2")}, porcupine.Ok},
		"unknown, done and undone by itself": {[]event{put1, lost2, get("2"), get("1")}, porcupine.Illegal},
		"unknown, and done twice":            {[]event{lost2, get("2"), put1, get("1"), get("2")}, porcupine.Illegal},
		"another key is another register":    {[]event{put1, {request: request{op: read, key: "l"}}}, porcupine.Ok},
	} {
		var h history
		for client, e := range tc.events {
			if call := h.begin(); e.unknown {
				h.unknown(client, e.request, call)
			} else {
				h.end(client, e.request, call, e.out)
			}
		}
		require.Equal(t, tc.want, h.check(), name)
	}
}
