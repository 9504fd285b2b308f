# Everything a developer or an operator types. Needs Python 3.11+, make and git; the rest goes into .venv.
#   make run [PORT=8000] [DATA_DIR=.heddle]    make test [ARGS="-k name"]    make check    make fix    make install
#   make explore [ROUNDS=10]: the laws of the tests, on examples that no run before has drawn

usable = $(shell $(1) -c 'import sys; print("$(1)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)
ifndef PYTHON
PYTHON := $(or $(call usable,python3),$(call usable,python3.12),$(call usable,python3.13),$(call usable,python3.11),python3)
endif
BIN := .venv/bin
FLAGS := $(if $(PORT),--port $(PORT)) $(if $(DATA_DIR),--data-dir "$(DATA_DIR)")

ROUNDS := 10

.PHONY: run test explore check fix install browser
.DEFAULT_GOAL := run

run: install
	@exec $(BIN)/heddle up $(FLAGS)

test: install browser
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

explore: install
	@for round in $$(seq $(ROUNDS)); do \
		$(BIN)/python -m pytest -q -n 2 -m hypothesis --hypothesis-profile explore $(ARGS) || exit 1; done

check: install
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/python -m pytest -q tests/unit/test_layers.py tests/unit/test_generated_files.py \
		tests/integration/test_store_isolation.py::test_no_drift

fix: install
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .
	$(BIN)/python -m engine.nodes.docs
	$(BIN)/python -m engine.language.diagnostics

install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "heddle: Python 3.11 or newer is needed and $(PYTHON) is" \
		"$$($(PYTHON) --version 2>/dev/null || echo missing): install it, or name it with make PYTHON=/path/to/python3.12" >&2; \
		exit 1; }
	@$(PYTHON) deploy/install.py

browser: install
	@$(BIN)/python -m tests.support.browser
