// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

func Example() {
	main()
	// Output:
	// establish: serving in epoch 1
	// revoke: leadership: raft was shut down
}
