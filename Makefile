# Apportion. `make help` lists the verbs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

STATICCHECK_VERSION := v0.8.2
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)
GOTESTSUM_VERSION := v1.13.0
GOTESTSUM := .tools/gotestsum-$(GOTESTSUM_VERSION)
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
BENCHSTAT := .tools/benchstat-$(BENCHSTAT_VERSION)

# make test has four passes. Most tests run with the race detector. The packages in PURE have no goroutine: their tests
# run with a recount after each command (tag invariants), and those that read beside a writer (BESIDE) also with the detector, in short.
# PLAIN_TESTS run with neither: what counts memory (the race detector would count its own), the simulation, and PLAIN_ONLY:
# what fills something up to its bound (minutes with the race detector), what does one thing at a time again and again on damaged or
# crashed disks, and whole processes that wait for each other more than they work side by side. There is also a test of a member
# that moves: Raft's library, v1.8.0, has a race of its own then (updateLastAppended reads the peer's name without the lock).
PURE := apportion/(engine|engine/mem|httpapi/stockfile)
BESIDE := ^Test(Readers|SortedReaders|CheckpointsBesideCommands)$$
FILLING := BacktestFreesMemory BacktestMemory BacktestTakesTooMuch CommandRoundTrip DamagedRowsAreRefused DiskIsBounded \
	EdgesAreBounded HistoryBytes KiboDeletesOfMany KiboLargeQueries KiboPatternMatchesMax KiboQueryReadsMax ManifestFilesMax \
	MemoryBytes ReadingIsBounded ReplaysOneAfterAnother ResultsMax ReturnOfAnUnknownOrderThatHasLeftMemory \
	SegmentsOfARecordAreBounded TableShardsGrowApart
SERIAL := CrashAtEachChange CrashWhileStateOpens DamagedArchive DamagedFiles DamagedState HistoryAgainstModel KiboMembers Model \
	VerifyFindsDamage VerifyIsInterrupted VerifyReadsHistory VerifyWithoutWriting
WAITING := ClusterClockJump ClusterClockOfYears ClusterDirectoryOfAnother ClusterFullDisk ClusterKibo ClusterLeftBehind \
	ClusterLostDisk ClusterLostFounder ClusterMembers ClusterRetires ClusterSlowDisk ClusterStrangers ClusterTLS FullFileSystem \
	NoNextLogFile StartWithoutSpace StopWhileLoading StopWithSilentDisk
MOVING := DemoteAndMove
# The packages whose tests take longest begin first: the others fill their pauses.
FIRST := ./cmd/apportion/e2e ./raftstore ./httpapi ./cmd/apportion
PLAIN_ONLY := ^Test($(subst $() ,|,$(strip $(FILLING) $(SERIAL) $(WAITING) $(MOVING))))$$
PLAIN_TESTS := Allocations$$|^TestSimulation$$|$(PLAIN_ONLY)

PKG ?= ./...
DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
CRASH_ROUNDS ?= 100
SIM_SEEDS ?= 10000
SIM_FIRST ?= 1
SIM_SEED ?=
FAULT_SECONDS ?= 3600
FAULT_VOTERS ?= 3
FUZZTIME ?= 20s
SECONDS_EACH ?= 3
TURNS ?= 10
GROWTH ?= 10000000
REMARK ?=
BEFORE ?=
MUTANTS ?= 20
MUTATE_SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: run cluster console console-if-possible build test test-kibo test-console lint bench-quick bench-failover bench-compare bench-check bench-baseline crash sim faults fuzz mutate help

run: console-if-possible build ## build, with the console if Node is there, and serve on LISTEN (127.0.0.1:8080), with DATA (./data) and the demo catalogue
	@exec bin/apportion serve --data "$(DATA)" --listen "$(LISTEN)" --demo

cluster: build ## a cluster of three nodes on this machine: HTTP on ports 8081, 8082 and 8083, data in ./data/a, b and c
	@mkdir -p "$(DATA)"; trap 'kill 0' INT TERM EXIT; \
	bin/apportion serve --node-id a --data "$(DATA)/a" --listen 127.0.0.1:8081 --raft-listen 127.0.0.1:7081 --bootstrap --demo & \
	bin/apportion serve --node-id b --data "$(DATA)/b" --listen 127.0.0.1:8082 --raft-listen 127.0.0.1:7082 --join 127.0.0.1:7081 & \
	bin/apportion serve --node-id c --data "$(DATA)/c" --listen 127.0.0.1:8083 --raft-listen 127.0.0.1:7083 --join 127.0.0.1:7081 & \
	wait

console: ## build the web console for the next make build (needs Node and the npm registry)
	@httpapi/console/build

console-if-possible:
	@httpapi/console/build --optional

build: ## build bin/apportion
	@mkdir -p bin
	go build -o bin/apportion ./cmd/apportion

test: $(GOTESTSUM) ## all tests, most with the race detector; PKG=./engine for one package
	@# A line for each package, and at the end what was skipped and why, and what failed with all that it printed.
	@# The race detector lets a process sleep for a second before it ends: hundreds of them would be minutes.
	@# And tests of clusters wait now and then: three packages at a time keep two processors busy.
	@all=$$(go list $(if $(filter ./...,$(PKG)),$(FIRST)) $(PKG)); pure=$$(grep -xE '$(PURE)' <<<"$$all" || true); others=$$(grep -vxE '$(PURE)' <<<"$$all" || true); \
	run() { echo; echo "== $$1"; $(GOTESTSUM) --format standard-quiet -- -vet=off -p 3 -timeout 15m "$${@:2}"; }; \
	export GORACE=atexit_sleep_ms=20; \
	[ -z "$$others" ] || run "with the race detector" -race -skip '$(PLAIN_ONLY)' $$others; \
	[ -z "$$pure" ] || run "with the race detector, readers beside a writer" -race -short -run '$(BESIDE)' $$pure; \
	[ -z "$$pure" ] || run "with a recount after each command" -tags invariants -skip '$(PLAIN_TESTS)' $$pure; \
	run "with neither" -run '$(PLAIN_TESTS)' $$all

$(GOTESTSUM):
	@mkdir -p .tools
	GOBIN=$(CURDIR)/.tools go install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)
	@mv .tools/gotestsum $@

test-kibo: build ## test Kibo's API with the vendor's own client, from npm, against bin/apportion (needs Node)
	@httpapi/testdata/kibo/run

test-console: ## test the web console: units, size, and stories in Chromium against bin/apportion (needs Node)
	@mkdir -p bin
	@httpapi/console/browser/run

lint: $(STATICCHECK) ## gofmt, go vet, staticcheck and the house rules
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags faults ./cmd/apportion
	$(STATICCHECK) ./...
	go test -run '^(TestHouseRules|TestColumns)$$' ./cmd/apportion

$(STATICCHECK):
	@mkdir -p .tools
	GOBIN=$(CURDIR)/.tools go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv .tools/staticcheck $@

bench-quick: build ## the Go benchmarks, briefly, then the server over HTTP (about two minutes)
	go test -run '^$$' -bench . -short -benchtime 100ms -benchmem ./...
	go run ./bench/quick -server bin/apportion -seconds $(SECONDS_EACH)

bench-failover: build ## kill -9 of the leader under load: the time until writes go on; draws docs/failover.svg
	go run ./bench/failover -server bin/apportion

bench-compare: build ## measure beside Redis and PostgreSQL, in TURNS (10) of a second, GROWTH (10000000) segments, and the binary BEFORE; writes docs/benchmarks.md
	go run ./bench/compare -server bin/apportion -turns $(TURNS) -growth $(GROWTH) -doc docs/benchmarks.md $(if $(BEFORE),-before "$(BEFORE)") $(if $(REMARK),-remark "$(REMARK)")

bench-check: $(BENCHSTAT) ## compare short Go benchmarks with bench/baseline: lists those that became more than 10 % worse
	go run ./bench/regress -benchstat $(BENCHSTAT)

bench-baseline: ## store the figures of the short Go benchmarks of this machine in bench/baseline
	go run ./bench/regress -store

$(BENCHSTAT):
	@mkdir -p .tools
	GOBIN=$(CURDIR)/.tools go install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION)
	@mv .tools/benchstat $@

crash: ## kill -9 of a server under load, CRASH_ROUNDS (100) times
	APPORTION_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -race -count 1 -timeout 120m -v -run '^TestKillNine$$' ./cmd/apportion/e2e

sim: ## the deterministic simulation of the store: SIM_SEEDS (10000) seeds, or SIM_SEED=n for one in detail
	APPORTION_SIM_SEEDS=$(SIM_SEEDS) APPORTION_SIM_FIRST=$(SIM_FIRST) APPORTION_SIM_SEED=$(SIM_SEED) \
	  go test -count 1 -timeout 24h -v -run '^TestSimulation$$' ./raftstore

faults: ## faults of processes, network, disks and clocks in a cluster of FAULT_VOTERS (3) under load, for FAULT_SECONDS (3600)
	APPORTION_FAULT_SECONDS=$(FAULT_SECONDS) APPORTION_FAULT_VOTERS=$(FAULT_VOTERS) \
	go test -race -count 1 -timeout 0 -v -run '^TestFaults$$' ./cmd/apportion/e2e

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | { grep '^Fuzz' || true; }); do \
	    echo "== $$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

mutate: ## break MUTANTS (20) lines of PKG, chosen by MUTATE_SEED (1): lists those that no test notices
	go run ./bench/mutate --packages $(PKG) --count $(MUTANTS) --seed $(MUTATE_SEED)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
