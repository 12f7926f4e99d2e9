"""^C where Python would lose it, or where it would show a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esmith import signals
from esmith.checks import own
from esmith.cli import doctor
from tests.commands import TIMEOUT_SECONDS

_BEGIN = """
import os, signal, sys, threading, weakref
from esmith.cli.interruption import catch_signals
class Thing: pass
def interrupt(*_): os.kill(os.getpid(), signal.SIGINT); [None for _ in range(9)]
"""
#: Python calls the function by itself when the thing goes, as that of a lock of an import.
_LOST = """
catch_signals()
thing = Thing()
kept = weakref.ref(thing, interrupt)
try:
    del thing
    threading.Event().wait(60)
except KeyboardInterrupt:
    print("ended")
"""
_AT_THE_END = """
import atexit, click
from esmith.cli.program import run_click
atexit.register(interrupt)
run_click(click.command()(lambda: print("done")), "x")
"""
_DISCARDED = """
import io
from esmith.cli.output import ended_by_signal
sys.stdout = sys.stderr = io.StringIO()
sys.exit(ended_by_signal("x"))
"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(_LOST, (0, "ended\n", ""), id="lost"),
        pytest.param(_AT_THE_END, (0, "done\n", ""), id="at-the-end"),
        pytest.param(_DISCARDED, (130, "", "x: ended by SIGINT\n"), id="discarded"),
    ],
)
def test_nothing_is_lost_and_nothing_else_shown(script: str, expected: tuple[int, str, str]) -> None:
    """^C ends a command also where Python drops what is raised; at the end of the process it does not disturb.

    The message is shown also where it came when what is printed was about to be discarded.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == expected


def test_a_guard_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """^C while a check is about to run leaves the streams as they were."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(signals.signal, "setitimer", interrupted)
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyboardInterrupt), own._Guard("x", "while it was tried"):
        pass
    assert (sys.stdout, sys.stderr) == before


def test_a_doctor_that_is_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """^C ends esmith doctor at once: its threads may be reading the databases."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    left = []

    def leave(code: int) -> None:
        left.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(doctor, "examine", interrupted)
    monkeypatch.setattr(doctor, "leave", leave)
    with pytest.raises(SystemExit):
        doctor.doctor_command.main(["disk"], standalone_mode=False, obj=str(tmp_path))
    assert left == [130]
