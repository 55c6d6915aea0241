# What one can do here. `make help` prints the lines that end in a ## comment.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help install run test check generate red fuzz bench day soak

help: ## print this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: .venv/installed ## set-up alone: .venv/ with .venv/bin/raken-gateway

.venv/installed: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "raken-gateway needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --locked --inexact --quiet --python $(BIN)/python
	@touch $@

run: install ## everything on embedded defaults: http://127.0.0.1:8000/graphql
	@exec $(BIN)/raken-gateway run

test: check ## every check and every test, with coverage
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term

check: install ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

red: install ## break each protection in a copy (ONLY="words" of some), and see its test fail: ten minutes or more
	$(BIN)/python -m tests.red $(ONLY)

fuzz: install ## ask at random as every role (SECONDS=): what an answer has that the schema or the role has not
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

generate: install ## write schema.graphql and docs/entities.md
	$(BIN)/raken-gateway export-schema
	$(BIN)/raken-gateway export-entities

bench: install ## measure the merged view, cold and warm
	$(BIN)/python benchmarks/merged_view.py

day: install ## live through a simulated working day: hits, requests saved, what was wrong
	$(BIN)/python -m benchmarks.day

soak: install ## half an hour of load and trouble, simulated (SECONDS=): leaks, recovery, what was wrong
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SECONDS),1800)
