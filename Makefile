# make demo [ARGS="--seconds 20 --exit"]   simulated providers and traffic, the real pipeline, a verdict
# make test                                everything that a change must pass
# Both make .venv and install into it when that is needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install
SHELL := /bin/sh
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help venv setup demo test lint types fmt unit bench calibrate fuzz kills mutants docs lock interpreted browser

help:
	@sed -n '1,3s/^# //p' Makefile
	@echo "make fmt | lint | types | unit | docs | bench | calibrate | fuzz | kills | mutants | lock"

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not here; install Python 3.11 or newer, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); shadowbench needs 3.11 or newer: say PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make environments; install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(VENV) could not be made; see the lines above" >&2; exit 1; }

# Stamps say what is installed; the test's packages include those of the demo.
$(VENV)/.run-installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what shadowbench needs (a few minutes the first time: the embedded database is large)"
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.test-installed: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing what shadowbench and its tests need (a few minutes the first time)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# The data plane, compiled where there is a C compiler; again whenever one of its files changes.
COMPILED := $(shell sed -n 's/^    "\(.*\.py\)",$$/\1/p' pyproject.toml)
$(VENV)/.compiled: setup.py pyproject.toml $(COMPILED) | $(BIN)/python
	@echo "compiling the data plane"
	@$(MAKE) --no-print-directory interpreted
	@$(PIP) --no-deps -e .
	@touch $@

# Back to plain Python, for work on the data plane; `make test` compiles again.
interpreted:
	@rm -f $(VENV)/.compiled $(patsubst %.py,%.*.so,$(COMPILED)) shadowbench__mypyc.*.so

venv: $(VENV)/.run-installed $(VENV)/.compiled
setup: $(VENV)/.test-installed $(VENV)/.compiled

demo: $(VENV)/.run-installed $(VENV)/.compiled
	@$(BIN)/shadowbench demo $(ARGS)

test: lint types unit

lint: $(VENV)/.test-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.test-installed
	$(BIN)/mypy

unit: $(VENV)/.test-installed $(VENV)/.compiled browser
	$(BIN)/python -m pytest -q $(ARGS)

# Debian's Chromium for the browser tests, where we may install it; without it they are skipped, and say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
			echo "installing chromium for the browser tests"; export DEBIAN_FRONTEND=noninteractive; \
			{ apt-get install -y -qq --no-install-recommends chromium || { apt-get update -qq && \
				apt-get install -y -qq --no-install-recommends chromium; }; } >/dev/null 2>&1 </dev/null; \
		fi; \
		command -v chromium >/dev/null || echo "make: no chromium here, so browser tests are skipped: apt-get install chromium"; }

fmt: $(VENV)/.test-installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Reference pages made from the sources.
docs: $(VENV)/.test-installed
	$(BIN)/python -m cli.docs

bench: $(VENV)/.test-installed $(VENV)/.compiled
	$(BIN)/python -m bench $(ARGS)

# Do intervals and gates hold as often as they claim? Some hours on two cores; writes docs/validity.md.
# ARGS="--replications 200 --stored 10" for less, ARGS="--only gates" for a part of it.
calibrate: $(VENV)/.test-installed $(VENV)/.compiled
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.calibration $(ARGS)

# The long form of tests/properties: a million hostile requests, and as many responses, against h11. SEED=n for others.
SEED ?= 1
fuzz: $(VENV)/.test-installed $(VENV)/.compiled
	SHADOWBENCH_FUZZ_CASES=1000000 SHADOWBENCH_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -q tests/properties

# A hundred times kill -9 under load, and the client's own list of what must be recorded. ARGS="--kills 20 --seed 7"
kills: $(VENV)/.test-installed $(VENV)/.compiled
	$(BIN)/python -m tests.kills $(ARGS)

# Each fault test must fail when its protection is switched off. ARGS="--only SUBSTRING" for some of them.
mutants: $(VENV)/.test-installed
	$(BIN)/python -m tests.faults $(ARGS)

# New versions within the ranges of pyproject.toml.
lock: | $(BIN)/python
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install pip-tools
	$(VENV)-lock/bin/pip-compile --quiet --upgrade --no-header --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--extra embedded --extra otel --extra dev --extra bench -o requirements-dev.lock pyproject.toml
	$(VENV)-lock/bin/pip-compile --quiet --no-header --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--extra embedded -c requirements-dev.lock -o requirements.lock pyproject.toml
	@rm -rf $(VENV)-lock
