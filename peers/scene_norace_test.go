// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

//go:build !race

package peers

const racing = false // see scene_race_test.go
