# make help    print these lines
# make mailserver  make this Debian a mail server, as root: docs/mail-server.md; DOMAIN=example.com NAME=mail, or it asks
# make uninstall-mailserver  take that away again; databases, fragments, mail and users stay
# make demo    set up and run the main job in the folder demo-root
# make demo-mail  a trial of mail with the real daemons in the folder demo-mail-root, without root: docs/mail-server.md; WAIT=yes goes on until ^C
# make demo-manager  a small office in the folder demo-root, and its settings in a browser: docs/manager.md; ends with ^C
# make demo-fleet  three etcd and three servers that share settings, in the folder demo-fleet-root, without root: docs/fleet.md; WAIT=yes goes on until ^C
# make deb     the Debian package, in dist: docs/mail-server.md
# make test    set up and pass the tests
# make test-long  the tests that take minutes: every size of free space on a full disk
# make fuzz    give the parsers inputs that nobody meant for them, a million in all: docs/reliability.md
# make crash   kill commands 10,000 times, and give them errors of a disk: an hour or two, as root: docs/reliability.md
# make fleet-long  20,000 changes of a fleet under kills, pauses and partitions, and 2,000 kills of its agents: docs/testing.md; OPERATIONS, KILLS
# make mutants  put single faults into a copy of the engine, and print those that no test notices: docs/testing.md
# make lint    ruff and mypy
# make bench   print the table of performance: docs/performance.md; ORIGINAL=DIR names the original's Perl modules
# make bench-long  the same with lists of 10,000, which takes hours
# make counts  count the instructions of some commands, and compare them with the kept ones

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# How many faults make mutants tries, and which: another seed takes others.
SAMPLE ?= 100
SEED ?= 1
# How many processes play the tests: some tests wait, for services and for other processes.
WORKERS ?= $(shell expr $$(nproc) + 1)
# After so many seconds a test is stuck: all its threads are shown, and it has failed. The longest ones take 200 on a busy machine.
STUCK ?= 600
# What .venv/installed-test installs; without lint it takes two thirds of the time.
EXTRAS ?= test,lint
# What looks for barriers on pages: axe 4.12, under the Mozilla Public License, is in this package.
AXE := 'axe-playwright-python>=0.1.8,<0.2'
# How many inputs make fuzz tries.
RUNS ?= 1000000
# How many changes make fleet-long makes, and how often it kills agents.
OPERATIONS ?= 20000
KILLS ?= 2000

# Where make mailserver installs the commands, and the options of esmith setup: DOMAIN, NAME, and more in SETUP.
PREFIX ?= /opt/esmith
DOMAIN ?=
NAME ?=
SETUP ?=
# Whether what make demo-mail and make demo-fleet start goes on, to look around.
WAIT ?=
# The port of make demo-manager; one that is free otherwise.
PORT ?=
# The version of the Debian package; without it that of pyproject.toml.
VERSION ?=
# The directory of the original's Perl modules, for make bench; a stand-in for it otherwise.
ORIGINAL ?=

# Whoever looks around in the demo has the environment first in PATH, and its python3 has no pip.
export PATH := $(subst $(CURDIR)/$(BIN):,,$(PATH))

# Where it is set, every process compiles the engine, the tests and their assertions again: 12 s for each worker.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help mailserver uninstall-mailserver demo demo-mail demo-manager demo-fleet deb test test-long crash fuzz mutants lint \
	bench bench-long counts clean
.DELETE_ON_ERROR:

# The first target is what plain make does, and that must not change the machine.
help:
	@sed -n 's/^# make /make /p' $(firstword $(MAKEFILE_LIST))

# Debian's python3 without python3-venv can make no environment that has pip.
mailserver:
	@[ "$$(id -u)" = 0 ] || { echo 'make mailserver sets up this machine, so it needs root; to try e-smith in a folder: make demo' >&2; exit 1; }
	@command -v apt-get >/dev/null || { echo 'make mailserver installs Debian packages, and this machine has no apt-get' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv; }
	@[ -x $(PREFIX)/bin/pip ] || $(PYTHON) -m venv --clear $(PREFIX)
	@echo 'Installing the commands in $(PREFIX)'
	@$(PREFIX)/bin/pip install --quiet --disable-pip-version-check --force-reinstall '.[proxy,dns,manager]'
	@$(PREFIX)/bin/esmith setup $(if $(DOMAIN),--domain '$(DOMAIN)') $(if $(NAME),--name '$(NAME)') $(SETUP)

uninstall-mailserver:
	@[ "$$(id -u)" = 0 ] || { echo 'make uninstall-mailserver changes this machine, so it needs root' >&2; exit 1; }
	@[ ! -x $(PREFIX)/bin/esmith ] || $(PREFIX)/bin/esmith remove
	@rm -rf $(PREFIX)
	@echo 'removed: $(PREFIX)'

deb: $(VENV)/installed-deb
	@$(BIN)/python packaging/debian/build.py $(if $(VERSION),--version '$(VERSION)')

demo: $(VENV)/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh demo/office.sh demo-root

demo-mail: $(VENV)/installed
	@$(BIN)/python -m demo.mail demo-mail-root $(if $(WAIT),--wait)

demo-manager: $(VENV)/installed-manager
	@$(BIN)/python -m demo.manager demo-root $(if $(PORT),--port '$(PORT)')

demo-fleet: $(VENV)/installed-fleet
	@$(BIN)/python -m demo.fleet demo-fleet-root $(if $(WAIT),--wait)

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder \
		-o faulthandler_timeout=$(STUCK) -o faulthandler_exit_on_timeout=true --max-worker-restart 0

test-long: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) -m long

fuzz: $(VENV)/installed-fuzz
	@$(BIN)/python -m tests.fuzz --runs $(RUNS)

crash: $(VENV)/installed-test
	@$(BIN)/python -m tests.crash

fleet-long: $(VENV)/installed-test
	@ESMITH_FLEET_OPERATIONS=$(OPERATIONS) ESMITH_FLEET_KILLS=$(KILLS) $(BIN)/python -m pytest -n 0 -s -q -m long tests/fleet/world

mutants: $(VENV)/installed-test
	@$(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED)

lint: $(VENV)/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/installed
	@$(BIN)/python -m bench $(if $(ORIGINAL),--original '$(ORIGINAL)')

bench-long: $(VENV)/installed
	@$(BIN)/python -m bench --long $(if $(ORIGINAL),--original '$(ORIGINAL)')

counts: $(VENV)/installed
	@$(BIN)/python -m bench.counts

clean:
	rm -rf $(VENV) .mutants .fuzz demo-root demo-mail-root demo-fleet-root build dist

# Debian's python3 without python3-venv cannot put pip into an environment, but pip can install into one from outside.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=...")'
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e .
	@touch $@

# Of axe-playwright-python the tests read axe.min.js only, so what it needs to run (50 MB, with a node) stays away.
# The stamp is as old as the beginning: what is changed while it installs, is installed the next time.
$(VENV)/installed-test: pyproject.toml Makefile | $(VENV)/bin/python
	@touch $@.began
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-deps $(AXE)
	@touch -r $@.began $@ $(VENV)/installed
	@rm $@.began

$(VENV)/installed-deb: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e '.[proxy,dns,manager]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-manager: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e '.[manager]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-fleet: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e '.[fleet]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-fuzz: $(VENV)/installed-test
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e '.[fuzz]'
	@touch $@
