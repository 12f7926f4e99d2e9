"""What ``signal-event`` and ``expand-template`` import when little is to be done."""

from __future__ import annotations

import time

import pytest

from esmith import looks
from tests.cli.imports import imported_modules
from tests.cli.kit import outlive_the_clock
from tests.cli.test_db_imports import packages
from tests.commands import Root

#: What costs more than it gives where no new file is made; modules below these count too.
NEVER = {"click", "jinja2", "markupsafe", "tomllib", "dataclasses", "inspect", "typing", "pathlib", "ssl", "socket"}
NEVER |= {"hashlib", "difflib", "importlib", "watchdog", "enum", "re", "json", "contextlib", "functools", "collections"}
#: What an event without actions does not need either.
NEVER_WITHOUT_ACTIONS = NEVER | {"subprocess", "tempfile", "shutil", "random"}
#: What a command needs that finds everything as it was.
STAMPED = {f"esmith.{name}" for name in ("cli", "environment", "errors", "events", "layout", "trust")}
STAMPED |= {f"esmith.cli.{name}" for name in ("arguments", "expand_template", "output", "running")}
STAMPED |= {"esmith.events.stamp"}


@pytest.fixture
def settled(root: Root) -> Root:
    """Return a root whose files are made and so old that what they are made from is remembered."""
    outlive_the_clock(root)
    # What a file of TOML holds is kept when it is older than the steps of its time.
    time.sleep(looks._SETTLED_SECONDS)
    root.signal("clamav-update")
    root.run("expand-template", "/etc/clamd.conf")
    return root


def test_expanding_again(settled: Root) -> None:
    """Expanding a file whose fragments were expanded before needs neither Jinja2, nor TOML, nor checks."""
    modules = imported_modules(settled, "expand-template", "/etc/clamd.conf")
    assert packages(modules) & NEVER_WITHOUT_ACTIONS == set()
    assert not modules & {"esmith.checks.check", "esmith.fragments.jinja"}


def test_nothing_changed(settled: Root) -> None:
    """Where a stamp holds, not even the databases are opened."""
    for _ in range(3):
        # The databases are changed by the first runs.
        time.sleep(1.05)
        settled.run("expand-template", "/etc/clamd.conf")
    modules = imported_modules(settled, "expand-template", "/etc/clamd.conf")
    assert "lmdb" not in modules
    assert {name for name in modules if name.startswith("esmith.")} <= STAMPED


def test_an_event_without_new_files(settled: Root) -> None:
    """An event that finds nothing to do needs neither Jinja2, nor TOML, nor checks."""
    modules = imported_modules(settled, "signal-event", "clamav-update")
    assert packages(modules) & NEVER == set()
    assert not modules & {"esmith.checks.check", "esmith.fragments.jinja"}


def test_one_setting_changed(settled: Root) -> None:
    """One changed setting needs no Jinja2 either: the fragments are compiled."""
    settled.config("setprop", "clamav", "LogTime", "no")
    assert (
        packages(imported_modules(settled, "signal-event", "clamav-update")) & {"click", "jinja2", "tomllib"} == set()
    )


@pytest.mark.parametrize("program", ["signal-event", "expand-template"])
def test_help_imports_click(root: Root, program: str) -> None:
    """The measure above is one: a help page does need click."""
    assert "click" in imported_modules(root, program, "--help")
