"""A cure is a button only where the operation does the very same as the command; everything else is text."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager.helper.looks import cures
from esmith.manager.helper.looks.cures import operation_of, operation_of_all
from tests.documents import HOME
from tests.manager.reads.kit import command_of

SETTING = {"kind": "setting", "database": "configuration", "key": "clamd", "type": None, "delete": False, "revision": 7}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return a root with the shipped events, in which every service that is asked for has a supervisor."""
    monkeypatch.setattr(cures, "find_supervisor", lambda _layout, service: service)
    (tmp_path / "etc/e-smith").mkdir(parents=True)
    (tmp_path / "etc/e-smith/events").symlink_to(HOME / "events")
    return Layout(str(tmp_path))


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("esmith recover", {"kind": "recover"}),
        ("esmith confirm", {"kind": "confirm"}),
        ("signal-event email-update", {"kind": "event", "event": "email-update", "arguments": []}),
        ("signal-event user-create tom", {"kind": "event", "event": "user-create", "arguments": ["tom"]}),
        ("esmith control clamd start", {"kind": "service", "service": "clamd", "action": "start"}),
        ("config setprop clamd status disabled", SETTING | {"values": {"status": "disabled"}}),
        ("config setprop clamd a 'it is' b ''", SETTING | {"values": {"a": "it is", "b": ""}}),
        ("config delprop clamd a b", SETTING | {"values": {"a": None, "b": None}}),
        (
            "db accounts setprop tom Uid 5001",
            SETTING | {"database": "accounts", "key": "tom", "values": {"Uid": "5001"}},
        ),
    ],
)
def test_what_becomes_a_button(layout: Layout, line: str, operation: dict[str, Any]) -> None:
    """The commands of the contract become operations."""
    assert operation_of(line, layout, 7) == operation
    assert command_of(operation) == shlex.split(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "esmith",
        "esmith recover ",
        " esmith recover",
        "esmith recover --force",
        "esmith recover; reboot",
        "esmith  recover",
        "esmith --root /x recover",
        "esmith control clamd usr1",
        "esmith control clamd start now",
        "esmith confirm\nreboot",
        "signal-event no-such-event",
        "signal-event ../actions",
        "signal-event .",
        "signal-event email-update $(reboot)",
        "signal-event email-update -- x",
        "signal-event --dry-run email-update",
        "signal-event user-create USER",
        'signal-event "email-update"',
        "signal-event email-update 'a b'",
        "config setprop clamd status",
        "config setprop clamd status NAME",
        "config setprop clamd status '<name>'",
        "config setprop clamd status a status b",
        "config setprop clamd status -x",
        "config setprop -x status y",
        "config --force setprop clamd status x",
        "config set clamd service",
        "config delete clamd",
        "config setprop clamd status `id`",
        "config setprop clamd status x # y",
        "config setprop clamd status 'half",
        "db",
        "db accounts",
        "db ../x setprop tom Uid 1",
        "apt-get install clamav",
        "chown root: /etc",
        "# do it by hand",
        "config setprop clamd status " + "x" * 2000,
    ],
)
def test_what_stays_text(layout: Layout, line: str) -> None:
    """Whatever has one word more, an option, something to fill in, or means something to a shell is text."""
    assert operation_of(line, layout, 7) is None


def test_cures_of_several_lines(layout: Layout) -> None:
    """Of several commands the first is a button where the others only show something, or follow by themselves."""
    start, look, event = "esmith control clamd start", "tail /var/log/clamd/current", "signal-event email-update"
    setting = "config setprop clamd status disabled"
    assert operation_of_all([start, look], layout, 7) == operation_of(start, layout, 7)
    assert operation_of_all([setting, event], layout, 7) == operation_of(setting, layout, 7)
    for lines in (
        [],
        [look, start],
        ["apt-get install clamav", event],
        [start, event],
        [start, start],
        [setting, "reboot"],
    ):
        assert operation_of_all(lines, layout, 7) is None


def test_a_service_that_nothing_supervises(tmp_path: Path) -> None:
    """A service action is a button only where a supervisor knows the service."""
    layout = Layout(str(tmp_path))
    assert operation_of("esmith control clamd start", layout, 7) is None
    assert operation_of("esmith control a/b start", layout, 7) is None
