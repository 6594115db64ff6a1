# One door for people and CI. Every target sets up what it needs; only python3 (>= 3.11) with venv is assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEV_STAMP := $(VENV)/.ready-dev
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-fast check test-realcluster test-realcluster-all bench snapshots clean help

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "STRATUS needs Python 3.11 or newer: set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module: apt-get install python3-venv" >&2; exit 2; }

$(STAMP): pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV_STAMP): pyproject.toml $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP) ## embedded cluster, a fault, agents that repair it
	@$(BIN)/stratus demo

check: $(DEV_STAMP) ## static checks: ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

test: check ## everything that needs no real cluster
	@$(PYTEST) -n 2 -m "not realcluster"

test-fast: $(DEV_STAMP) ## the quick part, while working
	@$(PYTEST) -n 2 -m "not realcluster and not slow"

test-realcluster: $(DEV_STAMP) ## on a real Kubernetes, as CI does
	@$(PYTEST) -m "realcluster and not slow"

test-realcluster-all: $(DEV_STAMP) ## the same with everything that takes minutes, outages of the API server included
	@$(PYTEST) -m realcluster

bench: $(DEV_STAMP) ## measure what the documents claim
	@for each in benchmarks/*.py; do echo "== $$each"; PATH=$(BIN):$$PATH $(BIN)/python $$each || exit 1; done

snapshots: $(DEV_STAMP) ## record the pictures of the screens anew (then look at them)
	@$(PYTEST) tests/stratus_tui --snapshot-update

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
