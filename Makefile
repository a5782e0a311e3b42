# make            what can be made
# make reproduce  set-up, a fresh first collection, figures, and where to look
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
# lwIP is fetched and built by the first `make build`; until then its tier says so.
WITH_TAGS = $(if $(TAGS),-tags $(TAGS)$(if $(wildcard .cache/lwip/liblwip.a),$(comma)lwip))
comma := ,

# The same program from the same source, wherever it lies: what runs in a guest
# in virtual time is part of the result.
REPEATABLE := -trimpath -buildvcs=false

# SETUP=no leaves the machine's packages alone.
SETUP ?= yes
# What `make collect` collects; PLAN=quick or PLAN=paper for more.
PLAN ?= kick
OUT := out/$(PLAN)

programs := ./harness ./data/cmd/data ./servers/user/gohttp ./servers/user/gopoll ./servers/kernel/ebpf ./servers/kernel/ebpftc
ifneq ($(TAGS),)
programs += $(shell find servers/bypass -mindepth 2 -maxdepth 2 -name main.go -printf './%h\n' | sort)
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing, by apt
ifneq ($(SETUP),no)
	@./setup.sh
endif

build: ## build the programs into bin/
	@mkdir -p bin
ifneq ($(TAGS),)
	@servers/bypass/dpdk-lwip/fetch.sh || echo "without dpdk-lwip: its source package could not be fetched or built"
endif
	@$(GO) build $(REPEATABLE) -tags "$(TAGS)$$(test ! -e .cache/lwip/liblwip.a || echo ,lwip)" -o bin/ $(programs)
	@CGO_ENABLED=0 $(GO) build $(REPEATABLE) -o bin/khttpd ./servers/kernel/khttpd
ifeq ($(TAGS),)
	@echo "without the DPDK tiers: libdpdk is not here (./setup.sh installs it)"
endif

bench-bypass: build ## the bypass tiers against each other and the kernel, interleaved
	@$(GO) run $(WITH_TAGS) ./servers/bypass/bench

reproduce: setup build ## everything, from the servers to the figures
	@rm -rf $(OUT)
	@$(MAKE) collect figures-fresh
	@echo
	@echo "Fresh data:     $(OUT)/v0.0.0 (bin/data ls --folder out)"
	@echo "Fresh figures:  $(OUT)/notebooks/figures"
	@if [ -s data/RELEASES ]; then $(MAKE) figures; fi

collect: build ## collect a dataset by PLAN into out/PLAN; goes on where it was cut off
	@if [ -e $(OUT)/v0.0.0/SHA256SUMS ]; then echo "$(OUT) is there; remove it to collect anew"; else bin/harness sweep --available --out $(OUT)/v0.0.0 $(PLAN); fi

figures-fresh: # the notebooks on what was collected
	@$(GO) run ./notebooks/execute -dataset $(OUT)/v0.0.0 -out $(OUT)/notebooks

figures: ## the notebooks on the newest released dataset
	@$(GO) run ./notebooks/execute -out out/released/notebooks
	@echo "Figures of the released dataset: out/released/notebooks/figures"

notebooks: setup build ## open the notebooks in Jupyter
	@path=$$($(GO) run ./notebooks/execute -register); cd notebooks; \
	JUPYTER_PATH=$$path JUPYTER_DATA_DIR=$$path/data JUPYTER_CONFIG_DIR=$$path/config JUPYTER_RUNTIME_DIR=$$path/runtime /usr/bin/python3 -m notebook $(if $(filter 0,$(shell id -u)),--allow-root) $(JUPYTER)

# Packages that take over network devices, CPUs or guests are tested one after
# the other; they are compiled side by side before.
test: setup build ## install what the tests need, and run them all
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'd: $$unformatted"; exit 1; fi
	$(GO) vet $(WITH_TAGS) ./...
	$(GO) test $(WITH_TAGS) -run '^$$' ./... >/dev/null
	$(GO) test $(WITH_TAGS) -p 1 -timeout 30m ./...
	cd data/crosscheck && $(GO) test ./...
	bin/data verify

calibrate: ## how often each kind of interval covers a known truth
	@$(GO) run ./notebooks/calibrate

bench-analysis: ## quantiles of 20 million rows with intervals, beside DuckDB's bare ones, on one core
	cd data/crosscheck && $(GO) test -run '^$$' -bench Quantiles -benchtime 3x .

bench-load: build ## our load generator beside wrk, as ratios
	$(GO) run ./harness/bench/load

bench-trace: build ## what the stage tracer costs: nginx with it and without, in pairs
	$(GO) run ./harness/bench/trace

kmod: ## build the kernel module for Linux 6.1 and 6.12, with all warnings
	$(GO) test -count=1 -run TestBuildsWithoutWarnings -v ./servers/kernel/khttpd

# TIERS=khttpd or BLOCKS=00 take a part of it; all of it takes hours.
reproduce-vm: build ## run cells of vm-82576 again in virtual time, and compare them byte by byte with the released ones
	@bin/harness repeat $(if $(TIERS)$(BLOCKS),--only '^b$(or $(BLOCKS),..)-$(or $(TIERS),.*)-c') $$(awk '$$1 == "vm-82576" {d = "data/vm-82576/v" $$2} END {print d}' data/RELEASES)

# Half an hour on two calm cores.
abuse-vm: ## the kernel module in the guest, in full: 200 load cycles, 1000 connections, every mode
	KHTTPD_LONG=1 $(GO) test -count=1 -timeout 3h -run TestInGuest -v ./servers/kernel/khttpd

claims: build ## the paper's claims, tested: verdict, estimate, interval, dataset
	@$(GO) run ./paper/cmd/claims

doctor: build ## what keeps which server from running on this machine, and the remedy
	@bin/harness doctor

# The same bytes from the same data, whenever it is built.
paper: ## the paper as PDF, from the released datasets: out/paper/paper.pdf
	@rm -rf out/paper && mkdir -p out/paper
	@$(GO) run ./paper/cmd/generate -out out/paper
	@cp paper/paper.tex paper/paper.bib out/paper/
	@cd out/paper && SOURCE_DATE_EPOCH=0 FORCE_SOURCE_DATE=1 latexmk -pdf -interaction=nonstopmode -halt-on-error paper.tex >latexmk.log 2>&1 || { tail -30 latexmk.log; exit 1; }
	@echo out/paper/paper.pdf

readme-figure: # the README's figure, from the newest release
	@$(GO) run ./paper/cmd/generate -out out/paper -readme paper/mean-latency.svg

clean: ## remove what was built and collected, but no released dataset
	rm -rf bin out report .jupyter .cache kmod/build

.PHONY: bench-analysis calibrate help setup build reproduce collect figures-fresh figures notebooks test claims doctor paper readme-figure bench-load bench-trace kmod reproduce-vm abuse-vm clean
