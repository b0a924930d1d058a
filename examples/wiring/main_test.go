// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

func Example() {
	main()
	// Output:
	// establish: epoch 1 in term 2
	// serve: local reads are linearizable; health is ready
	// slow work: done
	// revoke: leadership: the Runner has been stopped: context canceled
}
