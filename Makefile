# make            what can be made
# make reproduce  set-up, a fresh first collection, figures, report
# make test       set-up, and all tests
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export GOTOOLCHAIN := local
export CROSSING_REPO := $(CURDIR)

# DPDK's packages are built where DPDK is; without it all else still is.
TAGS := $(shell pkg-config --exists libdpdk 2>/dev/null && echo dpdk)
GO := go
GOFLAGS_TAGS := $(if $(TAGS),-tags $(TAGS))

# SETUP=no leaves the machine's packages alone.
SETUP ?= yes

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing, by apt
ifneq ($(SETUP),no)
	@./setup.sh
endif

build: ## build the programs into bin/
	@mkdir -p bin
	@$(GO) build $(GOFLAGS_TAGS) -o bin/ ./harness ./data/cmd/data ./servers/user/gohttp ./servers/user/gopoll $(EXTRA_PROGRAMS)
ifeq ($(TAGS),)
	@echo "without the DPDK tiers: libdpdk is not here (./setup.sh installs it)"
endif

# Packages that take over network devices, CPUs or guests are tested one after
# the other; they are compiled side by side before.
test: setup build ## install what the tests need, and run them all
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'd: $$unformatted"; exit 1; fi
	$(GO) vet $(GOFLAGS_TAGS) ./...
	$(GO) test $(GOFLAGS_TAGS) -run '^$$' ./... >/dev/null
	$(GO) test $(GOFLAGS_TAGS) -p 1 -timeout 30m ./...
	bin/data verify

bench-load: build ## our load generator beside wrk, as ratios (2 minutes)
	$(GO) run ./harness/bench/load

bench-stall: build ## what each way of measuring makes of a server that stalls (1 minute)
	bin/harness load stall

clean: ## remove what was built and collected, but no released dataset
	rm -rf bin out report .jupyter .cache kmod/build

.PHONY: help setup build test bench-load bench-stall clean
