# Each target sets up .venv by itself; a machine needs only Python 3.11 or newer and make.

PYTHON ?= $(shell for v in 3.13 3.12 3.11 3 ; do \
	command -v python$$v >/dev/null 2>&1 && python$$v -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo python$$v && break ; done)
RUN := .venv/bin
READY := .venv/.ready

.PHONY: cora test quick lint format gpu-check clean

cora: $(READY)             ## train the GCN on Cora and write the report
	$(RUN)/python experiments/gcn_cora.py

test: $(READY)             ## all tests and the examples in docstrings
	$(RUN)/python -m pytest -n auto

quick: $(READY)            ## the tests that take no more than a few seconds
	$(RUN)/python -m pytest -n auto -m "not slow"

lint: $(READY)             ## style and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

format: $(READY)           ## put the style right
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

# On a machine without a network, `make gpu-check PYTHON=python3` runs with what that one has.
ifeq ($(origin PYTHON),command line)
gpu-check:                 ## everything that a GPU changes, within eight minutes
	$(PYTHON) benchmarks/gpu_check.py
else
gpu-check: $(READY)
	$(RUN)/python benchmarks/gpu_check.py
endif

# uv installs in well under a minute what pip takes several for.
$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "gnnvision needs Python 3.11 or newer; none was found." >&2; exit 1; }
	test -x $(RUN)/python || $(PYTHON) -m venv .venv
	$(RUN)/python -m pip install --quiet --disable-pip-version-check uv
	$(RUN)/uv pip install --quiet --python $(RUN)/python --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
