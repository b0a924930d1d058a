GATE := go run ./ci/gates
TOOL := go tool -modfile=tools/go.mod

.PHONY: help test ci lint fmt proof mutants fuzz bench
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

test: ## the tests, as README.md has it
	go test ./...

ci: ## every gate, as CI runs it (30 minutes on 2 cores at most)
	$(GATE)

lint: ## golangci-lint, pinned in tools/go.mod
	$(GATE) fmt lint

fmt: ## format with gofumpt
	$(TOOL) gofumpt -w .

proof: ## the numeric floors of ci/floors.txt
	$(GATE) proof

mutants: ## planted bugs, each killed by its named test
	go run ./ci/mutants $(ARGS)

fuzz: ## 15 seconds of every fuzz target
	$(GATE) fuzz

bench: ## benchmarks, and leadership changes per second
	go test -run '^$$' -bench . -benchmem -cpu 1,2 ./leadership ./peers
	cd bench/autopilot && go test -run '^$$' -bench . -benchmem .
	go test -count=1 -run TestFlapRate -v ./internal/testcluster
