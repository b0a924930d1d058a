// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package autopilot sets package peers beside hashicorp/raft-autopilot: what planning
// costs, and what a view costs that shows three of nine healthy voters. It holds only
// tests, in a module of its own, so that nobody who uses raftkeel depends on autopilot.
//
//	go test -bench . -benchmem -run '^$' .
package autopilot
