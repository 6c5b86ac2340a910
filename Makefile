# Two commands do it all on a fresh Debian 12 machine: make demo, make test.
SHELL := /bin/bash
PY := .venv/bin/python
STAMP := .venv/.ready
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SECONDS ?=
# Tests mostly wait, so two run at once.
WORKERS ?= 2

.PHONY: setup apt-venv apt-test foreign demo test check fmt bench soak pins deb bundle

setup: $(STAMP)

# A virtual environment of its own with exactly the pinned versions, each verified by its hash.
$(STAMP): constraints.txt pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nxgate needs Python 3.11 or newer as python3"; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv; }
	@echo "Setting up .venv (pinned versions, hashes verified) ..."
	@python3 -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@$(PY) -m compileall -q gateway drivers # as pip does with what it installs; halves the start
	@rm -rf nxgate.egg-info # would shadow the installed entry points for python -m
	@touch $@

# Foreign implementations that the tests judge against.
apt-test:
	@./.ci/apt-install mosquitto:mosquitto libmodbus.so.5:libmodbus5 mbpoll:mbpoll openssl:openssl faketime:faketime \
	  victoria-metrics:victoria-metrics influxd:influxdb

# Packages of Node.js, where npm is: their tests are skipped without them.
foreign:
	@command -v npm >/dev/null || exit 0; for package in modbus-serial@8.0.25 node-opcua-server@2.167.0 \
	  sparkplug-payload@1.0.3; do \
	  name=$${package%@*}; [ -d .foreign/$$name/node_modules/$$name ] || \
	    npm install --prefix .foreign/$$name --no-audit --no-fund --silent --fetch-retries=0 \
	      --fetch-timeout=20000 $$package || \
	    echo "$$package is not to be had: its tests are skipped"; \
	done

demo: $(STAMP)
	@$(PY) -m simulators.demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(STAMP) apt-test foreign
	@$(PY) -m pytest -q -n $(WORKERS) -m "not soak" $(ARGS)

check: $(STAMP)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m pytest -q tests/test_layers.py tests/unit/test_words.py

fmt: $(STAMP)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(STAMP) apt-test
	@$(PY) -m tests.bench.run $(ARGS)

soak: $(STAMP) apt-test
	@$(PY) -m pytest -q -m soak --timeout=5400 $(ARGS)

# Packages for dpkg in dist/, of both architectures: make deb ARCH=arm64 for one.
ARCH ?= amd64 arm64
deb: $(STAMP)
	@$(PY) -m deploy.deb $(ARCH)

# The same for a box without network, Debian or not: dist/nxgate-…-linux-….tar.gz.
bundle: $(STAMP)
	@$(PY) -m deploy.bundle $(ARCH)

# Pin anew after a change of dependencies: names, versions and hashes, no addresses.
pins: $(STAMP)
	@$(PY) -m piptools compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-options --no-emit-find-links --no-header --allow-unsafe --strip-extras \
	  --extra dev --extra demo -o constraints.txt pyproject.toml
