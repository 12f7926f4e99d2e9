"""Completion in bash, zsh and fish, typed at a real terminal."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import path_of
from tests.prompt.terminal import shell

#: What a shell would run, replace or split if it were inserted as it is.
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
def test_hostile_names_mean_themselves(root: Root, tmp_path: Path, name: str) -> None:
    """A record whose key or value a shell would run, replace or split is offered so that it means itself."""
    home = tmp_path / "home"
    home.mkdir()
    tables = (
        f"[h{place}.{json.dumps(text)}]\ntype = 't'\nP = {json.dumps(text)}" for place, text in enumerate(HOSTILE)
    )
    root.run("config", "apply", "--force", "-", stdin="\n".join(tables))
    with shell(name, path_of(name), root, home) as terminal:
        for place, text in enumerate(HOSTILE):
            # What fish inserts may be a home there, so it is not offered.
            if (name, text) == ("fish", "~"):
                continue
            terminal.type(f"db h{place} show \t\x01printf '%s\\n' \r")
            terminal.expect(f"\nshow\n{text}\n")
        for place, text in list(enumerate(HOSTILE))[:4]:
            terminal.type(f"db h{place} setprop {shlex.quote(text)} P \t\x01printf '%s\\n' \r")
            terminal.expect(f"\nP\n{text}\n")
        terminal.completes("db h7 show 'p", "p q'")
        terminal.settle()
        for typed in ("p", "'", '"', "$(to", "\\"):
            terminal.type(f"db h4 show {typed}\t\t")
            terminal.settle()
    assert [path.name for path in home.iterdir() if path.name.startswith("run")] == []


@EACH_SHELL
def test_a_name_that_a_terminal_would_obey_is_not_offered(root: Root, tmp_path: Path, name: str) -> None:
    """A record whose key turns the order of what is shown is not offered; the one beside it is."""
    root.run("config", "apply", "--force", "-", stdin='h."p\\u202e" = "t"\nh.pq = "t"\n')
    root.config("keys")
    with shell(name, path_of(name), root, tmp_path) as terminal:
        terminal.completes("db h show ", "pq ")


@EACH_SHELL
def test_nothing_is_shown_where_nothing_can_be_read(root: Root, tmp_path: Path, name: str) -> None:
    """With a damaged store, and without the program that answers, TAB offers nothing and shows nothing."""
    with shell(name, path_of(name), root, tmp_path) as terminal:
        for gone in ("/home/e-smith/db/data.mdb", "/usr/share/e-smith/completion/esmith-complete"):
            root.file(gone).write_text("no such thing")
            terminal.type("config show qpsm\t\x01echo \r")
            assert "rror" not in terminal.expect("\nconfig show qpsm")
