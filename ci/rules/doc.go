// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

// Package rules holds no code: its tests keep the rules of this repository
// that no linter knows. Who may import what and why, how long a file may get,
// and that every guarantee in a package's documentation has its test.
package rules
