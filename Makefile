# Needs Python >= 3.11 with pip, and make; everything else is installed into .venv from the locks.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
UV ?= uv
WORKERS ?= 2
# Dozens of processes start while the suite runs; each would compile all it imports anew.
unexport PYTHONDONTWRITEBYTECODE
# The least coverage of all lines and branches, in percent; COVERAGE= runs the tests without.
COVERAGE ?= 95
LINES := $(VENV)/lines
# Where a line that no test runs could leak a record or clear somebody wrongly.
WHOLLY := app/auth/*,app/assessments/access.py,app/assessments/detail.py,$\
  app/assessments/sharing.py,app/assessments/standing.py,app/core/acl.py,$\
  app/audit/purposes.py,app/recognition/decide.py,app/recognition/rules.py,$\
  app/recognition/receipts.py,app/sanctions/feed/*
BENCH ?=
UPGRADE ?=

# `make run PYTHON=/some/python` decides; otherwise the newest that works is taken.
PYTHONS := $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3)
PYTHON_TEST := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

COMPILE := pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $\
  --no-emit-package partner-registry-matcher
LOCK_RUN := --extra embedded --extra build pyproject.toml
LOCK_DEV := --all-extras --constraint requirements.lock pyproject.toml clients/python/pyproject.toml

##@ Use
.PHONY: help run migrate bench
help: ## list these targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.run ## serve the demo world with a database of its own; data in var/
	@$(BIN)/registry demo

migrate: $(VENV)/.run ## bring the schema of REGISTRY_DATABASE_MIGRATION_URL up
	@$(BIN)/registry db upgrade

bench: $(VENV)/.dev ## measure; options in BENCH=
	@$(BIN)/python -m bench.run $(BENCH)

##@ Test
.PHONY: test drills interop
test: $(VENV)/.dev ## every test but the drills, with coverage; PostgreSQL included
	@rm -rf $(LINES)
	@$(if $(COVERAGE),REGISTRY_TEST_LINES=$(LINES)) \
	  $(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not drill"
	@$(if $(COVERAGE),$(BIN)/python -m tests.lines $(LINES))
	@$(if $(COVERAGE),$(BIN)/coverage report --include="$(WHOLLY)" --fail-under=100 >$(VENV)/wholly.txt & \
	  wholly=$$!; $(BIN)/coverage report --fail-under=$(COVERAGE) && wait $$wholly \
	  || { cat $(VENV)/wholly.txt; exit 1; })

drills: $(VENV)/.dev ## the long ones: kills, full disks, load
	@$(BIN)/pytest -m drill

interop: $(VENV)/.interop ## yente and followthemoney, in an environment of their own, read our files
	@REGISTRY_INTEROP=$(VENV)/interop/bin $(BIN)/pytest -s tests/interop

##@ Check
.PHONY: check lint types floors contract drift audit
check: lint types floors contract drift audit ## all of the following

lint: $(VENV)/.dev ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

floors: $(VENV)/.dev ## import-linter: nothing imports upward
	@$(BIN)/lint-imports

contract: $(VENV)/.dev ## openapi/openapi.json is what the code says, and the client says the same
	@$(BIN)/registry openapi export --check
	@$(BIN)/python clients/python/generate.py --check

drift: $(VENV)/.dev ## the migrations make the tables that the models describe
	@$(BIN)/registry db check --drift

audit: $(VENV)/.dev ## no known vulnerability that docs/vex.json does not explain
	@$(BIN)/python tests/house/audit_dependencies.py

##@ Keep
.PHONY: format openapi lock clean
format: $(VENV)/.dev ## let ruff repair what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

openapi: $(VENV)/.dev ## write openapi/openapi.json, and the client's tables of it
	@$(BIN)/registry openapi export
	@$(BIN)/python clients/python/generate.py

lock: ## renew both lock files (needs uv); UPGRADE=--upgrade takes new versions
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@$(call compile,requirements.lock,$(LOCK_RUN))
	@$(call compile,requirements-dev.lock,$(LOCK_DEV))

clean: ## remove .venv and everything made by tools; var/ with its data stays
	@rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache *.egg-info clients/*/src/*.egg-info
	@find app tests clients migrations bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The first line says how the file came about; uv's own header would name files of the machine.
define compile
	echo "$(1): resolving" && \
	$(UV) $(COMPILE) --quiet $(UPGRADE) --output-file $(1) $(2) >/dev/null && \
	{ echo "# uv $(COMPILE) $(2)"; cat $(1); } > $(1).new && mv $(1).new $(1)
endef

# ---------------------------------------------------------------- the environment
PROJECTS := pyproject.toml clients/matcher/pyproject.toml clients/python/pyproject.toml

define environment
	if ! $(BIN)/python -c "$(PYTHON_TEST)" 2>/dev/null || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  found=; for python in $(PYTHONS); do \
	    if $$python -c "$(PYTHON_TEST)" 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "No Python 3.11 or newer with venv and pip among: $(PYTHONS). Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  echo ".venv: made with $$($$found --version)"; \
	  $$found -m venv --clear $(VENV) || exit 1; \
	fi
endef

define projects
	$(PIP) install --no-deps --no-build-isolation -e . -e clients/matcher -e clients/python && \
	echo ".venv: compiling the matcher" && \
	$(BIN)/python -m partner_registry_matcher
endef

$(VENV)/.run: requirements.lock $(PROJECTS)
	@$(environment)
	@echo ".venv: installing requirements.lock"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(projects)
	@touch $@

# The development lock holds everything of the other one, in the same versions.
$(VENV)/.dev: requirements-dev.lock requirements.lock $(PROJECTS)
	@$(environment)
	@echo ".venv: installing requirements-dev.lock"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(projects)
	@touch $(VENV)/.run $@

# Their packages are other versions than ours; nothing of ours is installed beside them.
$(VENV)/.interop: tests/interop/requirements.txt $(VENV)/.dev
	@$(BIN)/python -m venv --clear $(VENV)/interop
	@echo "$(VENV)/interop: installing $<"
	@$(VENV)/interop/bin/python -m pip --quiet --disable-pip-version-check --no-input install -r $<
	@touch $@
