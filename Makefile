# Everything here needs only Python >= 3.11 and make; each target makes .venv and installs into it when it has to.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The one list of versions that CI and the demo are known to work with.
CONSTRAINTS := constraints.txt
# With uv, or with pip where uv cannot be had, or as pip is configured: INSTALLER=pip takes pip.
INSTALL := $(BIN)/python tools/install.py -c $(CONSTRAINTS)
# Test processes side by side; "make test WORKERS=0" runs them in this one.
WORKERS ?= 2

# What "make paranoid" runs; PARANOID=tests is everything.
PARANOID ?= tests/engine tests/clusters tests/partition tests/models tests/snapshot

.PHONY: paranoid versions help demo kafka-jars image test-image test lint types docs browser check benchmark experiments clean wheel lowest site notebooks

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*##/\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "DriftHOMER needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing DriftHOMER into $(VENV) (ten seconds or more) ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing the development tools into $(VENV) (half a minute) ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@

demo: $(VENV)/.runtime  ## learn River's Yeast stream, one row at a time
	@echo "drifthomer prequential yeast"
	@$(BIN)/drifthomer prequential yeast

kafka-jars:  ## fetch the jars of the Kafka broker that tests use (needs Maven)
	@$(PYTHON) tools/real_kafka.py fetch

image:  ## build the container image, with Docker or else with buildah (needs root)
	@if command -v docker >/dev/null; then docker build -f docker/Dockerfile -t drifthomer .; \
	else bash tools/build_image.sh; fi

test-image: image $(VENV)/.dev  ## build the image with buildah, and run it
	DRIFTHOMER_TEST_IMAGE=1 $(BIN)/python -m pytest -n 0 tests/kafka/test_image.py

test: $(VENV)/.dev  ## run the whole test suite
	-@$(PYTHON) tools/real_kafka.py fetch
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# The others are left alone where they are not installed, and the end says so.
VERSIONS ?= 3.11 3.12 3.13 3.14

versions:  ## run the whole suite with each version of Python that is here, in .venv-VERSION
	@passed=; failed=; missing=; \
	for version in $(VERSIONS); do \
	  if ! python$$version -c '' 2>/dev/null; then missing="$$missing $$version"; \
	  elif $(MAKE) --no-print-directory test PYTHON=python$$version VENV=.venv-$$version; \
	  then passed="$$passed $$version"; else failed="$$failed $$version"; fi; \
	done; \
	echo "Python: passed with$${passed:- none}; failed with$${failed:- none}; not here:$${missing:- none}."; \
	[ -n "$$passed" ] && [ -z "$$failed" ]

# Python fills memory that is freed, and kernels look at every index: an hour, and the kernels are compiled anew.
paranoid: $(VENV)/.dev  ## run the tests of engine, clusters, models and snapshots with checks of memory
	PYTHONMALLOC=debug NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
	  $(PARANOID)

lint: $(VENV)/.dev  ## check style with ruff, who imports whom, and names of test files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	@! find tests -name 'test_*.py' | sed 's|.*/||' | sort | uniq -d | grep . \
	  || { echo "Name each test file once: pytest imports them by their names."; exit 1; }

types: $(VENV)/.dev  ## check types with mypy
	$(BIN)/mypy

docs: $(VENV)/.dev  ## run the Python examples of the README and of docs/
	$(BIN)/python -m pytest -q README.md docs --doctest-glob='*.md'

browser: $(VENV)/.dev  ## test the pages in Chromium (on Debian installs it, which needs root)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }
	@$(INSTALL) -e '.[browser]'
	DRIFTHOMER_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -n 0 tests/live

site: $(VENV)/.dev  ## build the documentation in site/
	@$(INSTALL) -e '.[site]'
	$(BIN)/mkdocs build --strict --quiet

notebooks: $(VENV)/.runtime  ## run the notebooks of examples/
	@$(INSTALL) -e '.[notebooks]'
	$(BIN)/python tools/run_notebooks.py

check: test lint types docs  ## all of the above

benchmark: $(VENV)/.dev  ## speed against River, as ratios in one run
	$(BIN)/python experiments/benchmark_speed.py

experiments: $(VENV)/.dev  ## the quick version of every experiment (prefixes of streams)
	$(BIN)/python experiments/run.py --quick

wheel: $(VENV)/.dev  ## build archives in dist, the wheel with compiled kernels
	$(BIN)/python -m build --sdist --outdir dist . >/dev/null
	$(BIN)/python tools/make_wheel.py dist
	$(BIN)/python -m twine check --strict dist/*

lowest:  ## run tests with the lowest versions that pyproject.toml allows
	$(PYTHON) tools/lowest_versions.py

clean:  ## remove virtual environments and caches
	rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
