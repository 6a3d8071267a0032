# Each target sets up .venv by itself; only make and Python 3.11 or newer are needed.

PYTHON ?= $(shell for v in 3.13 3.12 3.11 3 ; do \
	command -v python$$v >/dev/null 2>&1 && python$$v -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo python$$v && break ; done)
RUN := .venv/bin
READY := .venv/.ready

.PHONY: cora test quick lint format docs docs-text bench gpu-check clean

cora: $(READY)             ## train the GCN on Cora and write the report
	$(RUN)/python experiments/gcn_cora.py

test: $(READY)             ## all tests and the examples in docstrings
	$(RUN)/python -m pytest -n auto --dist worksteal

quick: $(READY)            ## the quick tests of the core, in under a minute
	$(RUN)/python -m pytest -n auto --dist worksteal -m "not slow"

lint: $(READY)             ## check style and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

format: $(READY)           ## fix the style
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

docs: $(READY)             ## the documentation site in English and Korean: docs/_build/html
	$(RUN)/python docs/build.py

docs-text: $(READY)        ## update the sentences to translate in docs/locale
	$(RUN)/python docs/build.py --text

# All flags of benchmarks/bench.py: make bench BENCH='--long --jax PEER/bin/python'
bench: $(READY)            ## the speed of each job compared with its peers: a page in runs/bench
	$(RUN)/python benchmarks/bench.py $(BENCH)

# Without a network, `make gpu-check PYTHON=python3` uses the packages that are installed.
ifeq ($(origin PYTHON),command line)
gpu-check:                 ## everything that a GPU changes, in under eight minutes
	$(PYTHON) benchmarks/gpu_check.py
else
gpu-check: $(READY)
	$(RUN)/python benchmarks/gpu_check.py
endif

# uv installs in under a minute what takes pip several. Compiled at once, the first command is fast.
# Another torch than the newest: make test TORCH='torch==2.11.*'
$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "gnnvision needs Python 3.11 or newer; none was found." >&2; exit 1; }
	test -x $(RUN)/python || $(PYTHON) -m venv .venv
	$(RUN)/python -m pip install --quiet --disable-pip-version-check uv
	$(RUN)/uv pip install --quiet --compile-bytecode --python $(RUN)/python --editable '.[dev]' $(if $(TORCH),'$(TORCH)')
	touch $(READY)

clean:
	rm -rf .venv build dist docs/_build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
