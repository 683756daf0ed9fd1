# Arrears: `make run` sets up .venv/ and runs one day on the sample; `make help` lists the rest.
# Nothing here needs the network once .venv/ stands.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

DATE ?= 2026-11-12
PORT ?= 8080
VENV ?= .venv
BIN := $(VENV)/bin
ARREARS_HOME ?= var/$(if $(FEEDS),$(shell basename "$$(realpath -m "$(FEEDS)")"),sample)
export ARREARS_HOME
# Which code decided: part of the lineage of every decision.
ARREARS_CODE_ID ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unreleased)
export ARREARS_CODE_ID

# The first interpreter of 3.11 to 3.13 that can make a virtual environment; PYTHON=… names another.
IN_RANGE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3)
FIND_PYTHON = for p in $(CANDIDATES); do if "$$p" -c '$(IN_RANGE)' 2>/dev/null; then echo "$$p"; break; fi; done

# Changed pins make a new stamp, so that set-up runs again; otherwise it is skipped at once.
PACKAGE := sed '/^\[tool.ruff\]/,$$d' pyproject.toml
PINS := $(shell { cat requirements.txt; $(PACKAGE); } | sha256sum | cut -c1-16)
DEV_PINS := $(shell { cat requirements.txt requirements-dev.txt; $(PACKAGE); } | sha256sum | cut -c1-16)
READY := $(VENV)/.ready-$(PINS)
DEV_READY := $(VENV)/.ready-dev-$(DEV_PINS)
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet --no-input
WITH_PIP = $(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null

.PHONY: help run up test test-real test-long pictures check format bench bench-all lock env image clean

help: ## list these targets
	@echo "make TARGET [DATE=$(DATE)] [FEEDS=folder] [PYTHON=python3.12]"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: $(READY) ## set up, run one day on the sample (or FEEDS), say where to look
	@$(BIN)/python -m arrears.orchestration.embedded run --date "$(DATE)" $(if $(FEEDS),--feeds "$(FEEDS)")

up: $(READY) ## Airflow with its pages on this machine only, at PORT (8080)
	@$(BIN)/python -m arrears.orchestration.embedded up --port "$(PORT)"

test: $(DEV_READY) ## all tests that need only Python
	$(BIN)/pytest -m "not real and not long" -n 2 --dist loadfile --no-loadscope-reorder tests/

test-real: $(DEV_READY) ## tests with PostgreSQL, Redis, Kannel and Chromium; a missing one is a failure
	$(BIN)/pytest -m "real and not long" tests/

test-long: $(DEV_READY) ## tests that take minutes to hours
	$(BIN)/pytest -m long -n 2 --dist loadfile --no-loadscope-reorder tests/

pictures: $(DEV_READY) ## take the pictures in docs/images/ anew (Chromium); ONLY=digest: some
	$(BIN)/pytest tests/browser/take_pictures.py $(if $(ONLY),-k "$(ONLY)")

check: $(DEV_READY) ## format, lint, types, import rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

format: $(DEV_READY) ## write the format, and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_READY) ## every measurement at small sizes, some minutes; results in var/bench (STORE=postgresql://… too)
	$(BIN)/python tests/bench/suite.py $(if $(STORE),--store "$(STORE)")

bench-all: $(DEV_READY) ## every measurement at the sizes of docs/performance.md: hours
	$(BIN)/python tests/bench/suite.py --long $(if $(STORE),--store "$(STORE)")

# The lock: one file for 3.11 to 3.13 by environment markers. The four packages that the project stands on come
# first, the project itself last; the development lock holds only what the first does not.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
FOUR := ^(apache-airflow|pandas|sqlalchemy|yagmail)==
lock: ## pin the newest allowed versions anew (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 2; }
	@mkdir -p build
	@rm -f build/lock.txt build/lock-dev.txt
	$(LOCK) --output-file build/lock.txt pyproject.toml
	$(LOCK) --output-file build/lock-dev.txt --constraints build/lock.txt --group dev
	@{ echo "# Made by make lock from pyproject.toml, for Python 3.11, 3.12 and 3.13: do not edit."; \
	   grep -E '$(FOUR)' build/lock.txt; grep -vE '$(FOUR)' build/lock.txt; echo "-e ."; } > requirements.txt
	@{ echo "# Made by make lock from pyproject.toml: do not edit."; echo "-r requirements.txt"; \
	   awk -F'==' 'NR == FNR { held[$$1]; next } !($$1 in held)' build/lock.txt build/lock-dev.txt; } \
	   > requirements-dev.txt

env: ## write .env, and new random secrets into var/secrets, for docker compose, if there are none
	@python3 docker/new_env.py

image: ## build the image for docker compose, named after this commit
	docker compose build

clean: ## remove the environment and what tools left behind; var/ (your store) stays
	rm -rf $(VENV) build .mypy_cache .ruff_cache .import_linter_cache .hypothesis include/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): | $(BIN)/python
	@$(WITH_PIP)
	@echo "Installing what requirements.txt pins into $(VENV)/ (once, a minute or two) …" >&2
	@$(PIP) install --requirement requirements.txt
	@rm -f $(VENV)/.ready-*; touch $@

$(DEV_READY): | $(BIN)/python
	@$(WITH_PIP)
	@echo "Installing what requirements-dev.txt pins into $(VENV)/ (once, a minute or two) …" >&2
	@$(PIP) install --requirement requirements-dev.txt
	@rm -f $(VENV)/.ready-*; touch $@ $(READY)

$(BIN)/python:
	@found="$$($(FIND_PYTHON))"; if [ -z "$$found" ]; then \
	  echo "Needs Python 3.11, 3.12 or 3.13 with its venv module: apt-get install python3-venv, or make PYTHON=/path/to/python3.12" >&2; exit 2; fi; \
	echo "Making $(VENV)/ with $$("$$found" --version) …" >&2; "$$found" -m venv $(VENV)
