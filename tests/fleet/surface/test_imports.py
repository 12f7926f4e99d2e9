"""A server that is in no fleet pays nothing for one: no command imports anything of it."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.cli.imports import imported_modules
from tests.commands import Root
from tests.fleet.surface.kit import FakeAgent

#: Each with the exit code it has in a new root.
COMMANDS = (
    ("config", "getprop", "qpsmtpd", "DNSBL"),
    ("config", "setprop", "qpsmtpd", "MyOwn", "1"),
    ("config", "show", "qpsmtpd"),
    ("signal-event", "own-update"),
    ("expand-template", "/etc/clamd.conf"),
    ("esmith", "explain", "qpsmtpd", "DNSBL"),
    ("esmith", "history", "--limit", "1"),
    ("esmith", "doctor"),
    ("esmith", "status"),
)
_OF_A_FLEET = ("esmith.fleet", "esmith.cli.fleet")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_of_the_fleet_is_imported(root: Root, command: tuple[str, ...]) -> None:
    """No module of a fleet is there when the command ends."""
    (root.path / "etc/e-smith/events/own-update").mkdir()
    found = imported_modules(root, *command, code=ExitCode.PENDING if "status" in command else ExitCode.OK)
    assert "esmith.errors" in found
    assert [name for name in found if name.startswith(_OF_A_FLEET)] == []


def test_a_member_imports_little(member: Root, agent: FakeAgent) -> None:
    """To ask the agent about a plain change nothing is imported that takes longer than the change itself."""
    found = imported_modules(member, "config", "setprop", "qpsmtpd", "MaxLoad", "9")
    assert [one["changes"][0][-1] for one in agent.commits] == ["9"]
    assert "esmith.fleet.replica.asking" in found
    large = {
        "json",
        "re",
        "socket",
        "typing",
        "enum",
        "functools",
        "contextlib",
        "collections",
        "hashlib",
        "dataclasses",
    }
    assert large & found == set()
