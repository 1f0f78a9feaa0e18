# Apportion. `make help` lists the verbs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

STATICCHECK_VERSION := v0.8.2
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)

PKG ?= ./...
DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
CRASH_ROUNDS ?= 100
FUZZTIME ?= 20s
SECONDS_EACH ?= 3

.DEFAULT_GOAL := help
.PHONY: run cluster build test test-kibo lint bench-quick crash fuzz help

run: build ## build and serve on 127.0.0.1:8080 with ./data and the demo catalogue
	@exec bin/apportion serve --data "$(DATA)" --listen "$(LISTEN)" --demo

cluster: build ## three nodes on this machine: HTTP on 8081, 8082 and 8083, data in ./data/a, b and c
	@mkdir -p "$(DATA)"; trap 'kill 0' INT TERM EXIT; \
	bin/apportion serve --node-id a --data "$(DATA)/a" --listen 127.0.0.1:8081 --raft-listen 127.0.0.1:7081 --bootstrap --demo & \
	bin/apportion serve --node-id b --data "$(DATA)/b" --listen 127.0.0.1:8082 --raft-listen 127.0.0.1:7082 --join 127.0.0.1:7081 & \
	bin/apportion serve --node-id c --data "$(DATA)/c" --listen 127.0.0.1:8083 --raft-listen 127.0.0.1:7083 --join 127.0.0.1:7081 & \
	wait

build: ## build bin/apportion
	@mkdir -p bin
	go build -o bin/apportion ./cmd/apportion

test: ## all tests with the race detector (PKG=./engine narrows it down)
	go test -race -timeout 15m $(PKG)

test-kibo: build ## the vendor's own client of Kibo's API, from npm, against bin/apportion (needs Node)
	@httpapi/testdata/kibo/run

lint: $(STATICCHECK) ## gofmt, go vet, staticcheck and the house rules
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...
	go test -run '^TestHouseRules$$' ./cmd/apportion

$(STATICCHECK):
	@mkdir -p .tools
	GOBIN=$(CURDIR)/.tools go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv .tools/staticcheck $@

bench-quick: build ## Go benchmarks, briefly, then the server over HTTP (about two minutes)
	go test -run '^$$' -bench . -short -benchtime 100ms -benchmem ./...
	go run ./bench/quick -server bin/apportion -seconds $(SECONDS_EACH)

crash: ## kill -9 under load, CRASH_ROUNDS rounds (100)
	APPORTION_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -race -count 1 -timeout 120m -v -run '^TestKillNine' ./cmd/apportion

fuzz: ## every fuzz target for FUZZTIME (20s) each
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | { grep '^Fuzz' || true; }); do \
	    echo "== $$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
