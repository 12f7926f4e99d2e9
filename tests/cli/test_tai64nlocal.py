"""``tai64nlocal``: the time stamps of logs as local time."""

from __future__ import annotations

import runpy
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.commands import Root
from tests.documents import HOME
from tests.programs import path_of

shown = runpy.run_path(str(HOME / "commands/tai64nlocal.py"))["shown"]

LINES = {
    "daemontools' manual": (
        b"@4000000037c219bf2ef02e94 mark\n",
        b"1999-08-24 05:04:05.787492500 mark\n",
    ),
    "nothing but a stamp": (b"@400000000000000a00000000", b"1970-01-01 01:00:00.000000000"),
    "no stamp": (b"spamd: server started\n", b"spamd: server started\n"),
    "an empty line": (b"\n", b"\n"),
    "too short": (b"@4000000037c219bf2ef02e9 mark\n", b"@4000000037c219bf2ef02e9 mark\n"),
    "before 1970": (b"@300000000000000000000000 x\n", b"@300000000000000000000000 x\n"),
    "beyond all time": (b"@ffffffffffffffff00000000 x\n", b"@ffffffffffffffff00000000 x\n"),
    "not at the beginning": (b"x @4000000037c219bf2ef02e94\n", b"x @4000000037c219bf2ef02e94\n"),
    "bytes that are no text": (b"@400000000000000a00000000 \xff\n", b"1970-01-01 01:00:00.000000000 \xff\n"),
}


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have another time zone than UTC for a test."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "CET-1")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("line", "wanted"), LINES.values(), ids=LINES)
def test_a_line(line: bytes, wanted: bytes) -> None:
    """The stamp at the beginning of a line becomes local time, and every other line stays as it is."""
    assert shown(line) == wanted


def test_a_line_is_there_at_once(root: Root) -> None:
    """What comes down the pipe is shown before more comes, as "tail -f" needs it."""
    words = [str(root.file("/sbin/e-smith/tai64nlocal"))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TZ": "UTC"}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"@400000000000000a00000000 one\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"1970-01-01 00:00:00.000000000 one\n"
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.program("tai64nlocal")
@pytest.mark.parametrize("name", ["daemontools' manual", "no stamp", "an empty line", "bytes that are no text"])
def test_as_the_program_of_daemontools(name: str) -> None:
    """The program of daemontools shows the same."""
    line = LINES[name][0]
    done = subprocess.run([path_of("tai64nlocal")], input=line, capture_output=True, check=True)
    assert shown(line) == done.stdout
