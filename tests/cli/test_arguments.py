"""Arguments that are read without click, and what click makes of the same."""

from __future__ import annotations

import re
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.cli import arguments, expand_template, program, signal_event
from esmith.cli.arguments import Command
from esmith.cli.program import as_click

_OPTIONS = (
    *(
        "--root",
        "--root=/r",
        "--root=",
        "--trust-owner",
        "--trust-owner=1",
        "--dry-run",
        "--diff",
        "--explain",
        "--json",
    ),
    *("--restart", "--verbose", "-v", "-vv", "-v=1", "--timeout", "--timeout=5", "--timeout=x", "--confirm"),
    *(
        "--confirm=10m",
        "--confirm=0m",
        "--output_filename",
        "--output-filename=/o",
        "--expand_queue",
        "--expand-queue=t",
    ),
    *("--help", "--", "-", "--dry", "--no-such", "-x"),
)
_VALUES = ("", "/r", "5", "1e3", "10m", "90s", "1h", "m", "email-update", "/etc/clamd.conf", "a=b", "é", "\n")
_WORDS = st.lists(st.sampled_from(_OPTIONS) | st.sampled_from(_VALUES) | st.text(max_size=3), max_size=6)
_COMMANDS = (signal_event.COMMAND, expand_template.COMMAND)


def by_click(command: Command, words: list[str]) -> dict[str, Any] | None:
    """Return the values that click reads from arguments, None where it shows help or a mistake."""
    read: list[dict[str, Any]] = []

    def note(root: str | None, values: dict[str, Any]) -> int:
        read.append(values | {"root": root})
        return 0

    noting = Command(
        command.name, note, command.help, command.options, operands=command.operands, mistake=command.mistake
    )
    trusted: list[str | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "trust_owner", lambda root, _say: trusted.append(root))
        patch.setattr(program, "remember_root", lambda _root: None)
        try:
            as_click(noting).main(words, standalone_mode=False)
        except click.ClickException:
            return None
    return read[0] | {"trust_owner": bool(trusted)} if read else None


@given(command=st.sampled_from(_COMMANDS), words=_WORDS)
def test_both_read_the_same(command: Command, words: list[str]) -> None:
    """What is read without click is what click reads; anything else is left to click."""
    values = command.read(words)
    assert values is None or values == by_click(command, words)


@pytest.mark.parametrize(
    "words",
    [
        "signal-event email-update",
        "signal-event --dry-run --diff email-update",
        "signal-event -v --root /r --timeout 5 user-modify alice -- -x --diff",
        "signal-event --confirm=10m --trust-owner --json email-update",
        "expand-template /etc/a",
        "expand-template /etc/a --diff /etc/b --root=/r",
        "expand-template --expand_queue a --expand-queue=b --output_filename /o /etc/a",
    ],
)
def test_plain_arguments_need_no_click(words: str) -> None:
    """What is typed every day is read without click."""
    name, *rest = words.split()
    (command,) = (command for command in _COMMANDS if command.name == name)
    values = command.read(rest)
    assert values is not None
    assert values == by_click(command, rest)


@pytest.mark.parametrize(
    "words", ["", "--help", "--output_filename o /a /b", "--timeout x /a", "--no-such /a", "--diff"]
)
def test_anything_else_is_left_to_click(words: str) -> None:
    """Help pages and messages about mistakes are those of click."""
    assert expand_template.COMMAND.read(words.split()) is None


@given(text=st.text(alphabet="019smhdx٣", max_size=12) | st.text(max_size=4))
def test_time_spans(text: str) -> None:
    """A time span is a number without zeros before it and perhaps a letter; anything else is refused with its text."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", text)
    if found is None:
        with pytest.raises(ValueError, match=r"is not a time such as 10m, 90s or 1h$"):
            signal_event.seconds_of(text)
    else:
        unit = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
        assert signal_event.seconds_of(text) == int(found[1]) * unit


def test_a_command_knows_each_option_once() -> None:
    """No two options of a command have a name in common, nor a place."""
    for command in _COMMANDS:
        options = [*arguments.COMMON, *command.options]
        names = [name for option in options for name in option.names]
        places = [option.place for option in options]
        assert len(names) == len(set(names))
        assert len(places) == len(set(places))
