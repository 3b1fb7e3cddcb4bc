# The two commands of the README. Each makes its own virtual environment and needs nothing but Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs clean

demo: $(VENV)/.run
	$(BIN)/forebear demo --into demo

# every file of tests in one of as many processes as there are cores, four at most: some need 1 GB; the longest first (tests/conftest.py)
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# torch first and by its CPU build's version: the newest one on the index may be a build for accelerators
$(VENV)/.test: pyproject.toml scripts/test-constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint scripts/test-constraints.txt --editable '.[test,tokenizers]'
	touch $@ $(VENV)/.run

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --constraint scripts/test-constraints.txt --editable '.[lint]'
	touch $@

$(VENV)/.docs: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# all of the above in one installation, so that pip looks for every package once
$(VENV)/.all: pyproject.toml scripts/test-constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint scripts/test-constraints.txt --editable '.[test,tokenizers,lint,docs]'
	touch $(VENV)/.run $(VENV)/.test $(VENV)/.lint $(VENV)/.docs $@

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
