#!/usr/bin/env bash
# Measures the compatibility table of README.md: builds and tests package
# leadership with pairs of raft and raft-boltdb, in a copy of the module files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

go version
printf '%-8s %-12s %-8s %s\n' raft raft-boltdb go result
while read -r raft boltdb; do
	cp go.mod "$dir/go.mod"
	cp go.sum "$dir/go.sum"
	result=ok
	if ! go get -modfile="$dir/go.mod" "github.com/hashicorp/raft@$raft" "github.com/hashicorp/raft-boltdb/v2@$boltdb" >"$dir/log" 2>&1 ||
		! go mod tidy -modfile="$dir/go.mod" >>"$dir/log" 2>&1; then
		result="does not resolve: $(tail -n 1 "$dir/log" | sed 's/^[[:space:]]*//')"
	elif ! go test -modfile="$dir/go.mod" -count=1 ./leadership ./internal/testcluster >"$dir/log" 2>&1; then
		result="fails: $(grep -m 1 -E 'FAIL|error' "$dir/log" || tail -n 1 "$dir/log")"
	fi
	printf '%-8s %-12s %-8s %s\n' "$raft" "$boltdb" "$(sed -n 's/^go //p' "$dir/go.mod")" "$result"
done <<-'PAIRS'
	v1.7.3 v2.3.0
	v1.7.3 v2.3.1
	v1.8.0 v2.3.0
	v1.8.0 v2.3.1
	v1.8.0 v2.4.2
PAIRS
