# Two commands do everything on a machine with Python and make: `make demo` and `make test`.
# Each sets up what it needs in a virtual environment of its own, once, and again when setup.cfg
# changes. PYTHON=... names another interpreter, PYTEST_ARGS=... adds to pytest's options, and
# WORKERS=... says how many processes run tests.

# larq keeps numpy below 2, for which there are no wheels past Python 3.12: first one up to that.
CANDIDATES = python3 python3.12 python3.11 python3.10 python3.13 python3.14 python
PYTHON := $(shell for newest in 12 99; do for name in $(CANDIDATES); do \
	$$name -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $$newest))" \
		2>/dev/null && echo $$name && break 2; \
	done; done)
DEMO = .venv/demo
TEST = .venv/test
WORKERS = 2
# Hundreds of processes begin in tests; each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE
# Each file in one process: examples of the README build on each other, and fixtures are made once.
PYTEST = $(TEST)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PIP = bin/python -m pip --disable-pip-version-check install -qq

.PHONY: help demo test checked lint types graphs rest quick clean

help:
	@echo "make demo   find a sharing plan for the small network that comes with crshare"
	@echo "make test   all checks: style, types and tests"
	@echo "make quick  the checks before a commit: all but the slow tests"
	@echo "make clean  remove the virtual environments"

demo: $(DEMO)/ready
	@$(DEMO)/bin/crshare optimize --max-acc-loss 1 --on-average

test: checked
	$(PYTEST) $(PYTEST_ARGS)

# What comes before tests, side by side where it can be.
checked: lint
	@$(MAKE) --no-print-directory -j3 types graphs rest

lint: $(TEST)/ready
	$(TEST)/bin/ruff check
	$(TEST)/bin/ruff format --check

types: $(TEST)/ready
	$(TEST)/bin/mypy

# What tests compile, once, and not in each of their processes.
graphs rest: $(TEST)/ready
	$(TEST)/bin/python -m tests.compiled_code $@

quick: checked
	$(PYTEST) -q -m "not slow" $(PYTEST_ARGS)

clean:
	rm -rf .venv

.venv/%/ready: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "crshare needs Python 3.10 or newer; none was found" >&2; exit 1; }
	@echo "setting up .venv/$* with $(PYTHON) (some minutes the first time)" >&2
	@$(PYTHON) -m venv --clear .venv/$* || { rm -rf .venv/$*; \
		echo "$(PYTHON) cannot make virtual environments; install python3-venv" >&2; exit 1; }
	@.venv/$*/$(PIP) -e ".[$*]"
	@touch $@
