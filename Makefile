# make run    the API on http://127.0.0.1:8000 (PORT=… chooses another port)
# make test   the whole test suite
# make units  of them those that run no servers of their own (-m "not integration"; COVERAGE=1: with the code they reach)
# make servers  of them those that do, but for those that need most of the machine
# make mutants  whether tests notice small faults (ONLY=medianest/resilience/retry.py: of one file or folder)
# make check  linters, types (of the tests, benchmarks and examples too), layers
# make pictures  the pictures of the page in docs/pictures, of a real server, in four minutes
# make docs   the reference of settings in docs/configuration.md
# make contract  thousands of requests made from the API's own document (EXAMPLES=… per operation)
# make schedules  a hundred thousand schedules of several processes that judge as one (NUMBER=… another number)
# make bench  side by side with other libraries
# make linters  redocly and spectral for the OpenAPI document, into .tools
# make tools  what checks deploy/: docker-compose, kubectl, Caddy, Traefik, hadolint, … into .tools
# make vendored  the page's script that is not ours, from npm again, in the version of idiomorph.toml
# make image  the container image "medianest" (IMAGE=… another name), by docker, podman or buildah
# make lock   requirements.lock anew, after a change of constraints.txt

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

LOCKED := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# Servers start a third faster when their modules are compiled once, and tests start many.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test servers units mutants docs pictures check contract schedules bench compat linters tools vendored image install lock clean

run: $(VENV)/.installed
	@exec $(BIN)/medianest serve

# Those of tests/integration run servers of their own, so they come after the others, and more at
# once, as they mostly wait; those that hear of others within a second are two at once; those that
# measure what one request waits for another have the machine to themselves.
test: units servers
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadscope -m few tests/integration
	$(BIN)/python -m pytest --quiet -m alone tests/integration

servers: $(VENV)/.installed-test
	$(BIN)/python -m pytest --quiet --numprocesses 3 --dist loadscope --no-loadscope-reorder -m "not alone and not few" tests/integration

units: $(VENV)/.installed-test
	$(BIN)/python -m pytest --quiet --numprocesses 3 --dist worksteal --ignore tests/integration $(if $(COVERAGE),--cov)

# Each of thousands of mutants is tested: this takes hours for all, minutes for a file.
mutants: $(VENV)/.installed-mutants
	$(BIN)/python -m tests.mutants $(ONLY)

contract: $(VENV)/.installed-test
	MEDIANEST_CONTRACT_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -q tests/web/test_contract.py

schedules: $(VENV)/.installed-test
	MEDIANEST_SCHEDULES=$(or $(NUMBER),100000) $(BIN)/python -m pytest -q --numprocesses 2 tests/peers/test_schedules.py tests/peers/test_override_schedules.py tests/cluster/test_opening_schedules.py

docs: $(VENV)/.installed
	$(BIN)/python -m medianest.config.reference docs/configuration.md

pictures: $(VENV)/.installed-pictures
	$(BIN)/python -m tests.pictures docs/pictures

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks

# The circuitbreaker package's own test suite, unchanged, on medianest.bridges.circuitbreaker.
compat: $(VENV)/.installed-test
	$(BIN)/python -m tests.compat

# Two linters of OpenAPI documents; the tests that need them are skipped where they are missing.
linters: $(VENV)/.installed-test
	$(BIN)/python -m tests.lint

# The tests that need one of them are skipped where it is missing.
tools: $(VENV)/.installed-test
	$(BIN)/python -m tests.deploy

# Which version, and its integrity, stand in medianest/page/static/idiomorph.toml.
vendored: $(VENV)/.installed-test
	$(BIN)/python -m tests.vendored

image:
	@deploy/build-image.sh $(IMAGE)

install: $(VENV)/.installed

# What the server needs, with all that its settings can ask for: versions from constraints.txt, with
# the hashes of all their files, for every platform; and what builds the package itself.
lock: $(BIN)/python
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	@echo setuptools | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --extra server --extra notify --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --constraint constraints.txt --output-file requirements.lock pyproject.toml - >/dev/null

clean:
	rm -rf $(VENV) .venv-* .mutants .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("medianest needs Python 3.11 or newer; PYTHON=… chooses one, this is " + sys.version.split()[0])'
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml requirements.lock
	@echo "installing medianest"
	@$(LOCKED) --require-hashes --requirement requirements.lock
	@$(LOCKED) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	@echo "installing what '$*' needs"
	@$(PIP) --editable ".[$*]"
	@touch $@
