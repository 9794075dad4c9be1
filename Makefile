PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
HOSTS := 4.11.0 4.11.1
PAGE := components/pages/inspector/src
PLUGIN := langbot_state_ext/plugin/RunnerState.lbpkg
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix $(PAGE)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(VENV)/.ready $(PAGE)/node_modules/.ready $(PLUGIN) ## create the environment, LangBot included

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, for example: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing LangBot and its dependencies into $(VENV), about a minute ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --editable '.[dev]'
	@touch $@

$(PAGE)/node_modules/.ready: $(PAGE)/package-lock.json | $(VENV)/.ready
	@echo "Installing the tools that check and build the page, a few seconds ..."
	@$(NPM) ci
	@touch $@

$(PLUGIN): manifest.yaml main.py tools/plugin.py $(shell find components assets -type f -not -path '*/node_modules/*') \
		| $(VENV)/.ready $(PAGE)/node_modules/.ready
	$(BIN)/python -m tools.plugin

.PHONY: demo
demo: setup ## chat with a real LangBot: two people, a group, a restart
	$(BIN)/python -m tools.demo

.PHONY: run
run: setup ## start the same LangBot to try in the browser
	$(BIN)/python -m tools.demo --stay

.PHONY: plugin
plugin: setup ## build the plugin with the page and the command, which the wheel carries

.PHONY: browser
browser: setup ## find or install a browser for the tests of the page
	$(BIN)/python -m tools.browser

.PHONY: test
test: format-check lint types tests ## run every check

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
	$(BIN)/lint-imports --no-logo
	$(NPM) run --silent lint

.PHONY: types
types: setup
	$(BIN)/mypy

TESTS := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: tests
tests: setup browser
	$(BIN)/python -m pytest $(TESTS)

.PHONY: soak
soak: setup ## run what is slow and rarely breaks; count to 80,000 on every durable backend
	$(BIN)/python -m pytest $(TESTS) -m soak
	$(BIN)/python -m pytest tests/backends/test_contract.py -k increment_of_eight --increments 10000

.PHONY: coverage
coverage: setup browser ## run the tests again, and print how much of the code they cover
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95

.PHONY: test-hosts
test-hosts: $(HOSTS:%=test-host-%) ## test with the older supported LangBots

test-host-%: host-% browser
	.venv-$*/bin/python -m pytest $(TESTS) -m "host and not soak" tests/host tests/plugin

host-%: setup
	@echo "Installing LangBot $* ..."
	@test -d .venv-$* || $(PYTHON) -m venv .venv-$*
	@$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --editable '.[test]' 'langbot==$*'

.PHONY: seams
seams: host-$(VERSION) ## print what another LangBot changes: make seams VERSION=4.11.3
	.venv-$(VERSION)/bin/python -m tools.seams --newest $(VENV) $(if $(WRITE),--write)

host-:
	@echo "Which LangBot? For example: make seams VERSION=4.11.3"; exit 1

.PHONY: record-seams
record-seams: $(HOSTS:%=host-%) ## record the seams of every tested LangBot again
	for environment in $(VENV) $(HOSTS:%=.venv-%); do \
		$$environment/bin/python -m tools.seams --write || exit 1; done

.PHONY: bench
bench: $(VENV)-bench/.ready ## compare a turn with other frameworks; FULL=--full: a million scopes
	$(VENV)-bench/bin/python -m bench $(FULL)

$(VENV)-bench/.ready: $(VENV)/.ready
	@echo "Installing the frameworks to compare with into $(VENV)-bench, about a minute ..."
	@test -d $(VENV)-bench || $(PYTHON) -m venv $(VENV)-bench
	@$(BIN)/uv pip install --quiet --python $(VENV)-bench/bin/python --editable '.[bench,peers]'
	@touch $@

.PHONY: clean
clean: ## remove the environments and everything that was built
	rm -rf $(PLUGIN) .venv* $(PAGE)/node_modules .demo .run build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis htmlcov .coverage*
