# The two commands of the README, and what belongs to them. Everything lands in .venv and build/.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint types imports tests faults bench bench-detection lock clean

demo: $(INSTALLED)
	$(BIN)/python -m playground.demo

test: lint types imports tests

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

imports: $(INSTALLED)
	$(BIN)/lint-imports

tests: $(INSTALLED)
	$(BIN)/pytest -q -n 2 --dist loadfile

# Every promise, tried with the real daemon: about an hour. Its short form is among the tests.
faults: $(INSTALLED)
	$(BIN)/python -m tests.faults

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks

# False alarms and delays, beside peers that it installs below build/peers once (5 GB). `ARGS=--quick` for the short form.
bench-detection: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.detection $(ARGS)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mlsteward needs Python 3.11 or newer, not %d.%d" % sys.version_info[:2])'
	@echo "Installing into .venv, once: about three minutes and 1.7 GB, most of it the MLflow server of the playground"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Pinned with hashes, for every platform and Python from 3.11 on; no index address in it.
lock:
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra playground --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml -c requirements.lock -o requirements-run.lock

clean:
	rm -rf .venv build
