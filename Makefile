PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup
setup: $(VENV)/.ready ## make the environment

$(VENV)/.ready: pyproject.toml
	@echo "Setting up $(VENV): LangBot and its dependencies, about a minute ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --editable '.[dev]'
	@touch $@
