# SPDX-License-Identifier: Apache-2.0
# make            list the targets
# make reproduce  set-up, a first collection, figures, and where they are
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

programs := ./harness/cmd/harness ./data/cmd/data ./servers/user/gohttp ./servers/user/gopoll ./servers/kernel/ebpf ./servers/kernel/ebpftc
ifneq ($(TAGS),)
programs += $(shell find servers/bypass -mindepth 2 -maxdepth 2 -name main.go -printf './%h\n' | sort)
endif

# A target's group stands behind its ##: @start, @data, @figures, @test, @bench,
# @vm, @build.
help: ## @start this list
	@awk -F ':.*## @' '/^[a-z-]+:.*## @/ {i = index($$2, " "); g = substr($$2, 1, i - 1); if (!(g in text)) order[++n] = g; \
	text[g] = text[g] sprintf("  make %-18s %s\n", $$1, substr($$2, i + 1))} END {for (k = 1; k <= n; k++) printf "%s\n%s\n", order[k], text[order[k]]}' $(MAKEFILE_LIST)

setup: ## @build install what is missing, by apt
ifneq ($(SETUP),no)
	@./setup.sh
endif

build: ## @build build the programs into bin/
	@mkdir -p bin
ifneq ($(TAGS),)
	@servers/bypass/dpdk-lwip/fetch.sh || echo "without dpdk-lwip: its source package could not be fetched or built"
endif
	@$(GO) build $(REPEATABLE) -tags "$(TAGS)$$(test ! -e .cache/lwip/liblwip.a || echo ,lwip)" -o bin/ $(programs)
	@CGO_ENABLED=0 $(GO) build $(REPEATABLE) -o bin/khttpd ./servers/kernel/khttpd
ifeq ($(TAGS),)
	@echo "without the DPDK tiers: libdpdk is not here (./setup.sh installs it)"
endif

bench-bypass: build ## @bench the bypass tiers against each other and the kernel, interleaved
	@$(GO) run $(WITH_TAGS) ./harness/bench/bypass

reproduce: setup build ## @start everything, from the servers to the figures and the report
	@$(MAKE) collect figures-fresh
	@echo
	@echo "Fresh data:     $(OUT)/v0.0.0 (bin/data ls --folder out)"
	@echo "Fresh figures:  $(OUT)/notebooks/figures"
	@echo "Fresh report:   $(OUT)/report/index.html"
	@if [ -s data/RELEASES ]; then $(MAKE) report; fi

# Without root, without collecting: what is released is all that it reads.
reproduce-archive: setup ## @start figures, report, claims and paper from the released datasets alone
	@rm -rf out/released out/paper
	@$(MAKE) report claims paper
	@echo "Compare every byte with the recorded ones: make reproduce-check"

# All that reproduce-archive makes, but for LaTeX's notes to itself.
produced := cd out && find released paper -type f \( -path 'released/*' -o -name '*.pdf' -o -name '*.tex' \) -print0 | LC_ALL=C sort -z | xargs -0 sha256sum

reproduce-check: ## @start compare every file that reproduce-archive made with paper/CHECKSUMS
	@test -s out/paper/paper.pdf || { echo "out/paper/paper.pdf is not there: make reproduce-archive first" >&2; exit 1; }
	@($(produced)) >out/CHECKSUMS
	@if diff paper/CHECKSUMS out/CHECKSUMS; then echo "All $$(wc -l <out/CHECKSUMS) files are the same bytes."; else \
	echo "These files differ (<: as recorded, >: as made here). The bytes depend on the released datasets, on Go, and on Debian 12's nbconvert, dygraphs and TeX Live." >&2; exit 1; fi

checksums: reproduce-archive ## @figures record what reproduce-archive makes, after a release or a change of a figure
	@($(produced)) >paper/CHECKSUMS
	@echo "paper/CHECKSUMS: $$(wc -l <paper/CHECKSUMS) files"

collect: build ## @data collect a dataset by PLAN into out/PLAN; resumes an interrupted one
	@if [ -e $(OUT)/v0.0.0/SHA256SUMS ]; then echo "$(OUT)/v0.0.0 was collected before and is kept. For a new one: mv $(OUT) out/$(PLAN)-$$(date +%Y%m%d-%H%M%S)"; \
	else bin/harness sweep --available --out $(OUT)/v0.0.0 $(PLAN); fi

figures-fresh: # the notebooks on what was collected
	@$(GO) run ./notebooks/analysis/cmd/execute --dataset $(OUT)/v0.0.0 --out $(OUT)/notebooks
	@$(GO) run ./paper/cmd/report --dataset $(OUT)/v0.0.0 --notebooks $(OUT)/notebooks --out $(OUT)/report >/dev/null

figures: ## @figures the notebooks on the newest released datasets
	@rm -rf out/released/notebooks
	@$(GO) run ./notebooks/analysis/cmd/execute --out out/released/notebooks
	@echo "Figures of the released datasets: out/released/notebooks/figures"

report: figures ## @figures the notebooks, figures and claims of the released datasets as a site
	@echo "Report of the released datasets: $$($(GO) run ./paper/cmd/report --notebooks out/released/notebooks --out out/released/report)"

notebooks-check: ## @test execute each notebook twice on the released datasets: the second time changes no byte
	@$(GO) run ./notebooks/analysis/cmd/execute --twice --out out/notebooks-check

notebooks: setup build ## @start open the notebooks in Jupyter
	@path=$$($(GO) run ./notebooks/analysis/cmd/execute --register); cd notebooks; \
	JUPYTER_PATH=$$path JUPYTER_DATA_DIR=$$path/data JUPYTER_CONFIG_DIR=$$path/config JUPYTER_RUNTIME_DIR=$$path/runtime /usr/bin/python3 -m notebook $(if $(filter 0,$(shell id -u)),--allow-root) $(JUPYTER)

# Packages that compute, or that run guests of their own, are tested two at a time,
# the longest first. Those that take over network devices and CPUs of this machine
# are tested one after the other.
SIDE_BY_SIDE = ./servers/kernel/khttpd/... ./harness/guest ./harness/doctor ./harness/vm/... ./notebooks/... ./paper/... ./data/... ./internal/... .

test: setup build lint ## @start install what the tests need, and run them all
	$(GO) test $(WITH_TAGS) -run '^$$' ./... >/dev/null
	$(GO) test $(WITH_TAGS) -p 2 -timeout 30m $(SIDE_BY_SIDE)
	@$(GO) list $(SIDE_BY_SIDE) >bin/side-by-side; packages=$$($(GO) list $(WITH_TAGS) ./... | grep -vxFf bin/side-by-side); rm bin/side-by-side; \
	echo "$(GO) test $(WITH_TAGS) -p 1 -timeout 30m (the other packages)"; $(GO) test $(WITH_TAGS) -p 1 -timeout 30m $$packages
	cd data/crosscheck && $(GO) test ./...
	bin/data verify

# Another clang-format lays out otherwise. Without DPDK's tags what they alone
# use looks unused.
lint: build ## @test gofmt, go vet and staticcheck over all Go code, clang-format over all C
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'd: $$unformatted"; exit 1; fi
	@if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then $(FORMAT_C) --dry-run --Werror; \
	else echo "SKIP clang-format: it takes version 14, which is not here (apt-get install clang-format-14)"; fi
	$(GO) vet $(WITH_TAGS) ./...
	$(GO) tool staticcheck $(or $(and $(findstring lwip,$(WITH_TAGS)),$(WITH_TAGS)),-checks inherit$(comma)-U1000) ./...

FORMAT_C = clang-format --style=file:kmod/.clang-format $$(git ls-files '*.c' '*.h')

format: ## @build lay out all Go code and all C as make lint wants it
	@gofmt -w $$(git ls-files '*.go')
	@$(FORMAT_C) -i

# No part of make test: what is found depends on the day, so that it would make
# an old version's tests fail.
VULNDB ?= https://vuln.go.dev
vulncheck: ## @test known holes in what the project is built with; asks the Go vulnerability database (VULNDB=URL) on the network
	@case '$(VULNDB)' in http*) curl -sSf -m 20 -o /dev/null '$(VULNDB)/index/db.json' || \
	{ echo "make vulncheck: $(VULNDB) cannot be reached, so nothing was checked. VULNDB=file:///FOLDER takes a copy of it." >&2; exit 1; };; esac
	$(GO) tool govulncheck -db '$(VULNDB)' $(WITH_TAGS) ./...

calibrate: ## @test how often each kind of interval covers a known truth; ONLY=REGEXP for some
	@$(GO) run ./notebooks/analysis/cmd/calibrate $(if $(ONLY),--only '$(ONLY)')

bench-analysis: ## @bench quantiles of 20 million rows with intervals, beside DuckDB's bare ones, on one core
	cd data/crosscheck && $(GO) test -run '^$$' -bench Quantiles -benchtime 3x .

bench-recovery: build ## @bench goodput of our TCP over the kernel's, on wires that delay, lose and reorder
	$(GO) run ./harness/bench/recovery

bench-load: build ## @bench our load generator beside wrk, as ratios
	$(GO) run ./harness/bench/load

bench-trace: build ## @bench what the stage tracer costs: nginx with it and without, in pairs
	$(GO) run ./harness/bench/trace

kmod: ## @build build the kernel module for Linux 6.1 and 6.12, with all warnings
	$(GO) test -count=1 -run TestBuildsWithoutWarnings -v ./servers/kernel/khttpd

# TIERS=khttpd or BLOCKS=00 take a part of it; all of it takes hours.
reproduce-vm: build ## @vm run cells of vm-82576 again in virtual time, and compare them byte by byte with the released ones
	@bin/harness repeat $(if $(TIERS)$(BLOCKS),--only '^b$(or $(BLOCKS),..)-$(or $(TIERS),.*)-c') $$(awk '$$1 == "vm-82576" {d = "data/vm-82576/v" $$2} END {print d}' data/RELEASES)

mutation: ## @test the conformance kit against every deliberate breakage of our own server
	CONFORMANCE_MUTANTS=all $(GO) test -count=1 -timeout 20m -run TestMutants -v ./servers/conformance

# Half an hour on two calm cores.
abuse-vm: ## @vm the kernel module in the guest, in full: 200 load cycles, 1000 connections, every mode
	KHTTPD_LONG=1 $(GO) test -count=1 -timeout 3h -run TestInGuest -v ./servers/kernel/khttpd

# MINUTES=1 and TIERS=nginx,khttpd for less.
soak: build ## @test all servers at full load over a bad wire in a guest for 20 minutes, every byte compared, memory watched
	@bin/harness soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(TIERS),--tiers $(TIERS))

claims: ## @figures the paper's claims, tested: verdict, estimate, interval, dataset; CLAIM=C3 for one
	@$(GO) run ./paper/cmd/claims $(CLAIM)

doctor: build ## @start what keeps which server from running on this machine, and the remedy
	@bin/harness doctor

# The same bytes from the same data, whenever it is built.
paper: ## @figures the paper as PDF, from the released datasets: out/paper/paper.pdf
	@rm -rf out/paper && mkdir -p out/paper
	@$(GO) run ./paper/cmd/generate --out out/paper
	@cp paper/paper.tex paper/paper.bib out/paper/
	@cd out/paper && SOURCE_DATE_EPOCH=0 FORCE_SOURCE_DATE=1 latexmk -pdf -interaction=nonstopmode -halt-on-error paper.tex >latexmk.log 2>&1 || { tail -30 latexmk.log; exit 1; }
	@echo out/paper/paper.pdf

readme-figure: # the README's figure, from the newest release
	@$(GO) run ./paper/cmd/generate --out out/paper --readme paper/mean-latency.svg

# What was collected (out/PLAN) and the guest's image and kernels (.cache) take
# hours and downloads to make: clean leaves them.
clean: ## @build remove what was built and computed; keeps collected data and the guest's cache
	rm -rf bin out/released out/paper out/CHECKSUMS out/notebooks out/notebooks-check out/report-test report .jupyter kmod/build

distclean: ## @build remove collected data and the guest's cache, too; asks first
	@du -sh out .cache 2>/dev/null || true
	@if [ "$(YES)" != 1 ]; then read -r -p "Remove all data collected in out/ and the cache? [y/N] " answer && [ "$$answer" = y ] || { echo "nothing removed (YES=1 does not ask)"; exit 1; }; fi
	rm -rf out .cache
	@$(MAKE) clean

.PHONY: abuse-vm bench-analysis bench-bypass bench-load bench-recovery bench-trace build calibrate checksums claims clean collect distclean doctor figures figures-fresh format help kmod lint mutation notebooks notebooks-check paper readme-figure report reproduce reproduce-archive reproduce-check reproduce-vm setup soak test vulncheck
