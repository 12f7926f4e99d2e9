"""What a command reads only to show what it did fails, where it fails, before anything is changed."""

from __future__ import annotations

import json

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

LOCAL = "/var/qmail/control/concurrencylocal"


def break_schema(root: Root, path: str) -> None:
    """Break a schema file that is there."""
    place = root.file(f"/etc/e-smith/db/{path}")
    assert place.exists()
    place.write_text("= broken\n")


def test_undo(office: Root) -> None:
    """A schema file that is broken, so that nobody knows what is secret, stops an undo before it."""
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    (last,) = json.loads(office.esmith("history", "--limit", "1", "--json").out)
    break_schema(office, "configuration/qmail.toml")
    office.esmith("undo", str(last["revision"]), code=ExitCode.TEMPLATE)
    assert office.config("getprop", "qmail", "ConcurrencyLocal").out == "5\n"


@pytest.mark.parametrize("words", [("expand-template", "--diff", LOCAL), ("signal-event", "--diff", "own")], ids=str)
def test_diff(office: Root, words: tuple[str, ...]) -> None:
    """The same stops a command with --diff before its files are installed."""
    office.write("/etc/e-smith/events/own/templates2expand", f"{LOCAL}\n")
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    before = office.read(LOCAL)
    break_schema(office, "accounts/@user.toml")
    office.run(*words, code=ExitCode.TEMPLATE)
    assert office.read(LOCAL) == before
    office.run(words[0], words[2])
    assert office.read(LOCAL) == "5\n"
