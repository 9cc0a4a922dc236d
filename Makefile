# Two commands for users: `make demo` and `make test`. Each does its own set-up.
# Needs Python 3.11 or newer (not newer than torch's wheels: 3.14) and make; everything else lands in .venv.
#
#   PYTHON=python3.12        the interpreter to build the environment from
#   JOBS=2                   processes that the tests run in
#   TORCH_PIP_ARGS="..."     extra arguments for torch's pip install alone, for example
#                            --index-url <address of a CPU-only index>

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

TORCH_VERSION := 2.13.0
TORCH_PIP_ARGS ?=
UV_VERSION := 0.13.8
VENV ?= .venv
BIN := $(VENV)/bin
# Tests run in two processes, a file in one of them, and start more; OpenMP threads that spin while they wait would
# stall one another. JOBS=0 runs them in one process.
JOBS ?= 2
PYTEST := OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The set-up is done once for each content of these files; an interrupted one leaves no stamp.
STAMP := $(VENV)/.stamp-$(shell cat requirements/dev.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help setup demo study test test-all check lint format types layers lock clean distclean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; \
	  do printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: $(STAMP)  ## the virtual environment in .venv: torch, the lock, fitwright itself

$(STAMP):
	@PYTHON='$(PYTHON)' scripts/setup.sh $(VENV) $(TORCH_VERSION) $(TORCH_PIP_ARGS)
	@touch $@

demo: setup  ## the whole loop on real reviews, from a labelled file to a served model
	@$(BIN)/python scripts/demo.py

study: setup  ## a ladder of small models on real text: when a larger one stops paying (about 6 minutes)
	@$(BIN)/python scripts/study.py

test: setup  ## the tests (under 10 minutes on 2 cores)
	@$(PYTEST) -m 'not slow'

test-all: setup  ## the tests with the slow ones
	@$(PYTEST)

check: lint types layers test  ## lint, types, layers, tests and the snippets of the docs

lint: setup  ## ruff, rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: setup  ## mypy
	@$(BIN)/mypy

layers: setup  ## import-linter: the layers and the bans
	@$(BIN)/lint-imports --cache-dir .import_linter_cache

format: setup  ## put the code into shape
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format --quiet

# uv reads no pip configuration and --no-config keeps its own out, so that no machine's package sources
# get into the lock; file hashes are those of the public registry.
lock: setup  ## resolve the newest versions anew into requirements/dev.lock
	@$(PIP) install --no-deps uv==$(UV_VERSION)
	@$(BIN)/uv --no-config pip compile pyproject.toml requirements/house.in \
	  --extra train --extra serve --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
	  --constraint requirements/constraints.txt --override requirements/overrides.txt \
	  --no-emit-package torch --no-emit-index-url --no-emit-find-links --quiet \
	  --custom-compile-command 'make lock' --output-file requirements/dev.lock
	@! grep -nE 'https?://|file://|^(torch|triton|nvidia-)' requirements/dev.lock
	@echo "requirements/dev.lock: $$(grep -c '==' requirements/dev.lock) packages"

clean:  ## results, build outputs and caches; the environment stays
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean  ## the same and the environment
	@rm -rf $(VENV)
