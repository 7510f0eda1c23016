# Sluice. `make help` lists the targets; each sets up what it needs, once: a second call rebuilds only what changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# bench-fanout, bench-turn, bench-room; smoke time of one fuzz target and, for `make fuzz`, its target and time.
VIEWERS ?= 1000
PPS ?= 150
BURST ?= 1
DURATION ?= 10
CLIENTS ?= 24
PARTICIPANTS ?= 10
ROOMS ?= 1
JOINERS ?= 200
TARGET ?=
SECONDS_EACH ?= 60

CRATE_SOURCES := Cargo.toml Cargo.lock datapath/Cargo.toml $(shell find datapath/src -name '*.rs')
PAGE_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*')

# Stamps live in what they describe, so that deleting the environment deletes the claim that it is set up.
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development
DATAPATH := .venv/.datapath
NODE_MODULES := web/node_modules/.package-lock.json
PAGES := api/static/index.html

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## Set up, then serve on this machine: pages, dev key, ready-made links (ARGS="--http 127.0.0.1:8000")
	@exec $(BIN)/sluice serve --dev $(ARGS)

.PHONY: setup
setup: $(DATAPATH) $(PAGES) ## Virtual environment, release build of the data path, web pages

.PHONY: check
check: check-python check-rust check-web check-shell ## Formatting, lints, types: Python, Rust, TypeScript, shell, containers

.PHONY: check-python
check-python: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest sfu._datapath --mypy-config-file pyproject.toml \
		$(if $(wildcard tools/stubtest-allowlist.txt),--allowlist tools/stubtest-allowlist.txt)

.PHONY: check-rust
check-rust: development
	cargo fmt --all --check
	$(if $(wildcard datapath/fuzz/Cargo.toml),cargo fmt --manifest-path datapath/fuzz/Cargo.toml --check)
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package sluice-datapath --all-targets --features python -- -D warnings

.PHONY: check-web
check-web: development
	cd web && npm run check

.PHONY: check-shell
check-shell: development
	$(BIN)/shellcheck tools/*.sh .ci/run
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

.PHONY: test
test: development ## Every test: Rust, fuzz targets briefly, pages, Python with real clients (RUNNERS="rust python")
	tools/test_packages.sh
	@$(BIN)/python -m tools.run_tests $(RUNNERS)

.PHONY: test-nat
test-nat: development ## The NAT matrix: clients behind every kind of NAT and firewall, and the table of it
	tools/test_packages.sh
	$(BIN)/python -m pytest --quiet -rs -m 'nat or not nat' tests/nat tests/net/test_natlab.py

.PHONY: fuzz
fuzz: development ## Fuzz for SECONDS_EACH=60: all targets, or TARGET=name
	@$(BIN)/python -m tools.fuzz --seconds $(SECONDS_EACH) $(TARGET)

.PHONY: test-calls
test-calls: development ## Every story of LiveKit's clients, by one peer connection and by two
	tools/test_packages.sh
	$(BIN)/python -m pytest --quiet -rs -m 'calls or not calls' tests/interop/livekit

.PHONY: bench-fanout
bench-fanout: setup ## One publisher, VIEWERS=1000 at PPS=150 (BURST=1 at a time) for DURATION=10 s, on loopback
	cargo build --locked --release --package sluice-loadgen
	$(BIN)/python -m bench.fanout --viewers $(VIEWERS) --pps $(PPS) --burst $(BURST) --duration $(DURATION)

.PHONY: bench-turn
bench-turn: BURST = 8
bench-turn: setup ## Relay for CLIENTS=24 in bursts of BURST=8, DURATION=10 s each: Sluice and coturn by turns
	cargo build --locked --release --package sluice-loadgen
	$(BIN)/python -m bench.turn --clients $(CLIENTS) --burst $(BURST) --duration $(DURATION)

.PHONY: bench-room
bench-room: setup ## ROOMS=1 calls of PARTICIPANTS=10 for DURATION=10 s, then JOINERS=200 in five seconds
	cargo build --locked --release --package sluice-loadgen
	$(BIN)/python -m bench.room --participants $(PARTICIPANTS) --rooms $(ROOMS) --joiners $(JOINERS) \
		--duration $(DURATION)

.PHONY: format
format: development ## Rewrite the sources the way `make check` wants them
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	cargo fmt --all
	$(if $(wildcard datapath/fuzz/Cargo.toml),cargo fmt --manifest-path datapath/fuzz/Cargo.toml)

.PHONY: lock
lock: ## Renew the Python lock files from pyproject.toml
	PYTHON=$(PYTHON) tools/lock.sh

.PHONY: map
map: ## Renew the code map of ARCHITECTURE.md
	$(PYTHON) -m tools.code_map

.PHONY: clean
clean: ## Remove everything that was built or installed here
	rm -rf .venv target datapath/fuzz/target web/node_modules web/dist api/static sfu/_datapath*.so build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: prerequisites
prerequisites:
	@PYTHON=$(PYTHON) tools/prerequisites.sh

.PHONY: development
development: development-prerequisites $(DEVELOPMENT) setup

.PHONY: development-prerequisites
development-prerequisites:
	@PYTHON=$(PYTHON) tools/prerequisites.sh development

$(RUNTIME): requirements.lock | prerequisites
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock --constraint requirements-dev.lock maturin
	touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.lock
	touch $@

$(DATAPATH): $(CRATE_SOURCES) pyproject.toml $(RUNTIME)
	PIP_QUIET=1 $(BIN)/maturin develop --release --locked
	touch $@

$(NODE_MODULES): web/package.json web/package-lock.json | prerequisites
	cd web && npm ci --no-audit --no-fund
	touch $@

$(PAGES): $(NODE_MODULES) $(PAGE_SOURCES)
	cd web && npm run build
	touch $@
