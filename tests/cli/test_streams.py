"""Standard streams that are closed, full, or read by nobody: the exit code shows what happened, without a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Root

#: Commands that print nothing when all is well, and those that do; with the exit code that each has.
SILENT = ["config setprop qpsmtpd DNSBL enabled", "signal-event email-update", "expand-template /etc/clamd.conf"]
TALKING = [
    "config show qpsmtpd",
    "config print",
    "config keys",
    "esmith status",
    "esmith history",
    "esmith init",
    "config --help",
]
#: The exit codes of those that have another one than 0 when all is well: no event was signalled in this root.
CODES = {"esmith status": ExitCode.PENDING}
WRONG = {
    "config": ExitCode.USAGE,
    "config setprop qpsmtpd DNSBL maybe": ExitCode.REFUSED,
    "signal-event nosuch": ExitCode.USAGE,
    "expand-template /no/such": ExitCode.TEMPLATE,
    "esmith undo 999999": ExitCode.USAGE,
    "esmith nosuch": ExitCode.USAGE,
}


def shell(root: Root, command: str, redirections: str) -> tuple[int, str]:
    """Run a command with redirections of the shell; return its exit code and what it wrote."""
    program = root.path / "sbin/e-smith" / command.split()[0]
    words = " ".join(command.split()[1:])
    done = subprocess.run(
        ["sh", "-c", f"'{program}' {words} {redirections}"],
        capture_output=True,
        text=True,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("command", [*SILENT, *TALKING])
def test_streams_nobody_needs(root: Root, command: str, closed: str) -> None:
    """A closed stream, or a stderr that takes nothing, keeps no command from its work."""
    code, out = shell(root, command, closed)
    assert code == CODES.get(command, ExitCode.OK), out


@pytest.mark.parametrize("command", TALKING)
def test_a_full_stdout(root: Root, command: str) -> None:
    """A command whose output cannot be written fails and says why."""
    code, out = shell(root, command, ">/dev/full")
    assert code == ExitCode.FAILED
    assert out.splitlines() == [f"{command.split()[0]}: cannot write the output: No space left on device"]


@pytest.mark.parametrize("command", TALKING)
def test_a_reader_that_has_gone(root: Root, command: str) -> None:
    """A reader that has what it wanted and went away is not an error."""
    assert _unread(root, command) == (CODES.get(command, ExitCode.OK), b"")


def test_a_backup_that_nobody_takes(root: Root) -> None:
    """A backup whose reader went away is not whole, which is an error, and the message is all that is printed."""
    assert _unread(root, "esmith backup -") == (ExitCode.STORE, b"esmith: standard output: broken pipe\n")


def _unread(root: Root, command: str) -> tuple[int, bytes]:
    """Run a command whose reader has gone, and return its exit code and its messages."""
    program, *words = command.split()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [str(root.path / "sbin/e-smith" / program), *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", WRONG)
def test_an_error_nobody_can_read(root: Root, command: str, closed: str) -> None:
    """Where the message cannot be written, the exit code is the one that belongs to the mistake."""
    assert shell(root, command, closed) == (WRONG[command], "")


def test_no_file_takes_the_place_of_a_stream(root: Root) -> None:
    """With its streams closed a command does not write its messages into what it opened instead."""
    before = shell(root, "config show", "")
    for command in (*SILENT[1:], *WRONG):
        shell(root, command, "<&- >&- 2>&-")
    assert shell(root, "config show", "") == before
    assert shell(root, "esmith status", "")[0] == ExitCode.PENDING


@pytest.mark.parametrize("command", ["config show qpsmtpd", "esmith status"])
def test_a_compiled_file_that_is_incomplete(command: str) -> None:
    """Where a full disk has left a part of a compiled file of Python, a command fails and says how to repair that."""
    program, *words = command.split()
    module, function = {"config": ("db", "config_main"), "esmith": ("esmith", "main")}[program]
    code = (
        "import esmith.layout\n"
        "def cut(*_): raise EOFError('marshal data too short')\n"
        "esmith.layout.Layout.chosen = cut\n"
        f"from esmith.cli.{module} import {function}\n"
        f"{function}()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert done.returncode == ExitCode.FAILED, done
    message, cure = done.stderr.splitlines()[-2:]
    assert message.endswith(": a file that Python has compiled is incomplete, as after a full disk")
    assert re.fullmatch(r"  to remove them, .*: find /\S+ -name '\*\.pyc' -delete", cure)


def test_no_place_for_temporary_files() -> None:
    """Where no temporary file can be made, as on a full disk, a command fails and says where to look."""
    code = (
        "import tempfile, esmith.layout\n"
        "tempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        "esmith.layout.Layout.chosen = lambda *_: tempfile.TemporaryFile()\n"
        "from esmith.cli.esmith import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", code, "status"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == ExitCode.FAILED, done
    assert done.stderr.splitlines()[-1] == "  see whether the disk is full: df /tmp"
