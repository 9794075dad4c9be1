PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
HOSTS := 4.11.0 4.11.1
PAGE := components/pages/inspector/src
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix $(PAGE)

.DEFAULT_GOAL := help

.PHONY: help
help: ## show what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(VENV)/.ready $(PAGE)/node_modules/.ready ## make the environment, LangBot included

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, for example: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV): LangBot and what it needs, a minute or so ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --editable '.[dev]'
	@touch $@

$(PAGE)/node_modules/.ready: $(PAGE)/package-lock.json | $(VENV)/.ready
	@echo "Getting what checks and builds the page, a few seconds ..."
	@$(NPM) ci
	@touch $@

.PHONY: demo
demo: setup ## show it at work: a real LangBot, two people, a group, a restart
	$(BIN)/python -m tools.demo

.PHONY: run
run: setup ## start the same LangBot for you to try in the browser
	$(BIN)/python -m tools.demo --stay

.PHONY: plugin
plugin: setup ## build the plugin for LangBot's own UI
	$(BIN)/python -m tools.plugin

.PHONY: browser
browser: setup ## find or get the browser that the page is tested in
	$(BIN)/python -m tools.browser

.PHONY: test
test: format-check lint types tests ## every check

.PHONY: format
format: setup ## format the code
	$(BIN)/ruff format .
	$(NPM) run --silent format

.PHONY: format-check
format-check: setup
	$(BIN)/ruff format --check .

.PHONY: lint
lint: setup
	$(BIN)/ruff check .
	$(NPM) run --silent lint
	$(BIN)/lint-imports --no-logo

.PHONY: types
types: setup
	$(BIN)/mypy

.PHONY: tests
tests: setup browser
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95

.PHONY: soak
soak: setup ## count to eighty thousand in eight processes, over every durable backend
	$(BIN)/python -m pytest tests/contract -k increment_of_eight --increments 10000

.PHONY: test-hosts
test-hosts: $(HOSTS:%=test-host-%) ## drive the older LangBots that are supported

test-host-%: setup browser
	@echo "Setting up LangBot $* ..."
	@test -d .venv-$* || $(PYTHON) -m venv .venv-$*
	@$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --editable '.[test]' 'langbot==$*'
	.venv-$*/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
		-k "not an_agent_of_langbots" tests/host tests/plugin # the harness does as 4.11.2's Agents

.PHONY: bench
bench: $(VENV)-bench/.ready ## measure a turn, beside other frameworks; FULL=--full for a million scopes
	$(VENV)-bench/bin/python -m bench $(FULL)

$(VENV)-bench/.ready: $(VENV)/.ready
	@echo "Setting up $(VENV)-bench: the frameworks to compare with, a minute or so ..."
	@test -d $(VENV)-bench || $(PYTHON) -m venv $(VENV)-bench
	@$(BIN)/uv pip install --quiet --python $(VENV)-bench/bin/python --editable '.[bench,peers]'
	@touch $@

.PHONY: clean
clean: ## remove environments and what was built
	rm -rf .venv* $(PAGE)/node_modules .demo .run build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis htmlcov .coverage*
