# Two commands: `make run` and `make test`. Everything is installed into .venv/ first.
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# These start servers of their own on both databases, and have done so in the first pass.
BOTH_ALREADY := $(addprefix --ignore=tests/server/running/test_,kills.py durability.py backup.py)

.PHONY: run test packages lint types contracts check campaign benchmarks clean

run: $(STAMP)
	$(VENV)/bin/counterfoil serve --rehearsal $(ARGS)

test: $(STAMP) packages
	$(PY) -m pytest -n 2 $(ARGS)
	COUNTERFOIL_TEST_DATABASE=postgresql $(PY) -m pytest -n 2 tests/server $(BOTH_ALREADY) $(ARGS)

packages: tests/server/sending/node_modules/.installed

tests/server/sending/node_modules/.installed: tests/packages.sh tests/server/sending/package.json
	bash tests/packages.sh
	npm install --prefix tests/server/sending --no-package-lock --ignore-scripts --no-audit --no-fund --silent
	touch $@

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(STAMP)
	$(VENV)/bin/mypy

contracts: $(STAMP)
	$(VENV)/bin/lint-imports

check: lint types contracts test

campaign: $(STAMP)
	$(PY) -m tests.campaign $(ARGS)

benchmarks: $(STAMP)
	$(PY) -m benchmarks $(ARGS)

$(STAMP): pyproject.toml
	@command -v python3 >/dev/null || { echo "Counterfoil needs Python 3.11 or newer as python3."; exit 1; }
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(PY) -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist
