// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package datadir

const openFlags = 0
