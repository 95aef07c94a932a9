# `make run` and `make test` need Python 3.11 or newer and nothing else; README.md gives the lines they stand for.

# The first of these that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$one"; break; }; \
	done)
VENV := .venv
BIN := $(VENV)/bin

# Wheels only, each with its checksum: nothing is built or run while it is installed.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps
UV_INSTALL := uv pip install --python $(BIN)/python --quiet --no-deps

.PHONY: run test check format lock clean

run: $(VENV)/runs
	$(BIN)/energy-dashboard demo $(ARGS)

test: $(VENV)/tests
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/architecture

format: $(VENV)/tests
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# After a change of dependencies in pyproject.toml. What is pinned stays unless UPGRADE=--upgrade.
lock:
	uv pip compile pyproject.toml --extra build --extra parquet --output-file requirements.lock $(LOCK_OPTIONS)
	uv pip compile pyproject.toml --extra build --extra parquet --extra bench --extra test --constraint requirements.lock \
		--output-file requirements-dev.lock $(LOCK_OPTIONS)
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE)

clean:
	rm -rf $(VENV)

# Stamps: what is installed already is not looked at again until a lock changes.
$(VENV)/runs: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

$(VENV)/tests: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/runs

# The project itself comes last, linked to this folder, by the build backend that the lock has just brought.
define install
	@$(if $(PYTHON),:,{ echo "Python 3.11 or newer is needed, and none was found; name one: make PYTHON=/path/to/python3" >&2; exit 1; })
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and $(PYTHON) is none; name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@if uv --version >/dev/null 2>&1; then \
		set -ex; \
		test -x $(BIN)/python || uv venv --quiet --python "$(PYTHON)" --allow-existing $(VENV); \
		$(UV_INSTALL) --require-hashes --only-binary :all: --requirement $(1); \
		$(UV_INSTALL) --no-build-isolation --editable .; \
	else \
		"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; \
		set -ex; \
		"$(PYTHON)" -m venv $(VENV); \
		$(PIP_INSTALL) --require-hashes --only-binary :all: --requirement $(1); \
		$(PIP_INSTALL) --no-build-isolation --editable .; \
	fi
endef
