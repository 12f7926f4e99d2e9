"""Completion in bash, zsh and fish, typed at a real terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import path_of
from tests.prompt.terminal import shell

#: What a shell would run, replace or split if it were offered as it is.
HOSTILE = (
    "$(touch run)",
    "`touch run`",
    "p;touch run",
    "p\\ntouch run",
    "p$(touch run)",
    "*",
    "~",
    "p q",
    "p'q",
    'p"q',
)
EACH_SHELL = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.program(name)) for name in ("bash", "zsh", "fish")]
)


@EACH_SHELL
def test_a_setting_is_completed(root: Root, tmp_path: Path, name: str) -> None:
    """Verbs, keys, properties, values, options and events are completed, and the line means what it shows."""
    # A copied data file is verified by the first command.
    root.config("keys")
    with shell(name, path_of(name), root, tmp_path) as terminal:
        terminal.completes("config setpr", "setprop ")
        terminal.completes("qpsm", "qpsmtpd ")
        terminal.completes("DNSB", "DNSBL ")
        terminal.completes("en", "enabled ")
        terminal.type("\x01echo \r")
        terminal.expect("\nconfig setprop qpsmtpd DNSBL enabled")
        terminal.completes("signal-event --color=ne", "never ")
        terminal.completes("email-u", "email-update ")
        terminal.type("\x01echo \r")
        terminal.expect("\nsignal-event --color=never email-update")


@EACH_SHELL
def test_hostile_names_are_neither_offered_nor_run(root: Root, tmp_path: Path, name: str) -> None:
    """A record whose key or value a shell would run does nothing, whatever is completed; others are still offered."""
    home = tmp_path / "home"
    home.mkdir()
    values = [word for number, text in enumerate(HOSTILE) for word in (f"P{number}", text)]
    lines = [shlex.join(["set", text, "thing"]) for text in HOSTILE]
    batch = "\n".join([*lines, shlex.join(["set", "plain", "thing", *values])])
    root.run("db", "--force", "hostile", "batch", stdin=batch)
    with shell(name, path_of(name), root, home) as terminal:
        terminal.completes("db hostile show pl", "plain ")
        terminal.settle()
        for typed in ("", "p", "'", '"', "$(to"):
            terminal.type(f"db hostile show {typed}\t\t")
            terminal.settle()
        for number in range(len(HOSTILE)):
            # What was inserted is run, as the operands of a command that does nothing.
            terminal.type(f"db hostile setprop plain P{number} \t\x01: \r")
            terminal.settle()
    assert [path.name for path in home.iterdir() if path.name.startswith("run")] == []


@EACH_SHELL
def test_nothing_is_shown_where_nothing_can_be_read(root: Root, tmp_path: Path, name: str) -> None:
    """With a damaged store, and without the program that answers, TAB offers nothing and shows nothing."""
    with shell(name, path_of(name), root, tmp_path) as terminal:
        for gone in ("/home/e-smith/db/data.mdb", "/usr/share/e-smith/completion/esmith-complete"):
            root.file(gone).write_text("no such thing")
            terminal.type("config show qpsm\t\x01echo \r")
            assert "rror" not in terminal.expect("\nconfig show qpsm")
