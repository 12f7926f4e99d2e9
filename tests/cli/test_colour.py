"""Colour at a terminal, and tables."""

from __future__ import annotations

import io
import os
import pty
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from esmith.cli import colour, output
from esmith.cli.colour import Style, choose, is_on, painted, styled, styled_diff, table
from tests.commands import TIMEOUT_SECONDS, Root


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return what it says."""
        return True


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a process in which nothing was chosen, at a terminal that can show colours."""
    monkeypatch.setattr(colour, "sys", SimpleNamespace(stdout=Terminal(), stderr=io.StringIO()))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(colour._Chosen, "mark", "")
    monkeypatch.setattr(output, "_painter", None)
    yield
    choose("auto")


def test_a_terminal_gets_colours() -> None:
    """At a terminal a styled text is painted; of the other text nothing becomes a control sequence."""
    assert painted(f"a {styled('good', Style.GOOD)} b 32m") == "a \x1b[32mgood\x1b[0m b 32m"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_turns_colours_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """NO_COLOR and a dumb terminal turn colours off, but not those that were asked for."""
    monkeypatch.setenv(name, value)
    assert not is_on()
    choose("always")
    assert is_on()


def test_never_and_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is coloured where that was asked for, or without a terminal; an empty NO_COLOR asks for nothing."""
    monkeypatch.setenv("NO_COLOR", "")
    assert is_on()
    choose("never")
    assert not is_on()
    choose("auto")
    monkeypatch.setattr(colour, "sys", SimpleNamespace(stdout=io.StringIO()))
    assert styled("text", Style.BAD) == "text"


def test_values_of_others_colour_nothing(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A value that holds a control sequence, or what could be a mark, is shown by codes, or as it is."""
    choose("always")
    output.print_report([f"{styled('x', Style.GOOD)} \x1b[31m{'0' * 16}31m"])
    assert capfdbinary.readouterr().out == b"\x1b[32mx\x1b[0m \\x1b[31m" + b"0" * 16 + b"31m\n"


def test_a_table_is_aligned() -> None:
    """Columns are aligned by what is shown: wide characters take two, styles and combining characters nothing."""
    rows = [["日本", "x"], [styled("up", Style.GOOD), "y"], ["e\u0301", "z"], ["alone"], ["a\nb", "", "c"]]
    assert [painted(line) for line in table(rows, ["name", "is"])] == [
        "\x1b[1mname\x1b[0m  \x1b[1mis\x1b[0m",
        "日本  x",
        "\x1b[32mup\x1b[0m    y",
        "e\u0301     z",
        "alone",
        "a\\nb    c",
    ]


def test_a_table_without_rows() -> None:
    """A table without rows has no header either."""
    assert table([], ["name", "state"]) == []


def test_a_diff_is_coloured_by_its_hunks() -> None:
    """Within a hunk a line that looks like a heading is what was added or removed; other lines stay as they are."""
    lines = ["--- a", "+++ a", "@@ -1,2 +1 @@", " x", "--- b", "--- /e", "+++ /e", "@@ -0,0 +1 @@", "+2", "/x: replace"]
    assert [painted(line).partition("m")[0] for line in styled_diff(lines)] == [
        *("\x1b[1", "\x1b[1", "\x1b[36", " x", "\x1b[31", "\x1b[1", "\x1b[1", "\x1b[36", "\x1b[32", "/x: replace"),
    ]


def at_a_terminal(root: Root, *words: str, err: bool = False) -> str:
    """Return what a command of the root shows at a terminal.

    :param err: on stderr as well.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(root.path / "sbin/e-smith" / words[0]), *words[1:]],
        stdout=theirs,
        stderr=theirs if err else None,
        env={**os.environ, "ESMITH_ROOT": str(root.path), "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:
        # Linux reports the end of a terminal as an error.
        pass
    os.close(ours)
    assert process.wait(TIMEOUT_SECONDS) == 0
    return shown.decode().replace("\r\n", "\n")


def test_commands_colour_at_a_terminal(root: Root) -> None:
    """A diff is coloured at a terminal, what a value holds is not; elsewhere only when it is asked for."""
    root.config("setprop", "clamav", "MaxFileSize", "20M")
    words = ("expand-template", "--dry-run", "--diff", "/etc/clamd.conf")
    plain = root.run(*words).out
    shown = at_a_terminal(root, *words)
    assert "\x1b[32m+MaxFileSize 20M\x1b[0m\n" in shown
    assert "\x1b" not in plain
    asked = root.run(words[0], "--color", "always", *words[1:]).out
    assert asked == shown
    assert at_a_terminal(root, words[0], "--color=never", *words[1:]) == plain


def test_color_takes_three_words(root: Root) -> None:
    """A word that --color does not know is a mistake, with and without click."""
    for words in (("signal-event", "--color", "blue", "email-update"), ("esmith", "diff", "--color", "blue")):
        assert "'blue' is not one of 'auto', 'always', 'never'" in root.run(*words, code=2).err
