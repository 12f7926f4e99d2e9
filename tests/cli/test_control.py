"""``esmith control``, and the commands of the original that call it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.documents import HOME

_SHIMS = HOME / "plugins/control"


def test_a_service_that_nothing_knows(root: Root) -> None:
    """It is an error that names the cure: for a service that is defined, how its directory is written."""
    printed = root.esmith("control", "nosuch", "restart", code=8).err
    assert printed == "esmith: service nosuch: no supervisor knows it\n  see which there are: esmith services\n"
    printed = root.esmith("control", "clamd", "restart", code=8).err
    assert "write its service directory: esmith init --services runit /service" in printed


def test_a_service_that_nothing_supervises(root: Root) -> None:
    """The state can be asked for; an action is refused, and is not left pending."""
    root.write("/service/clamd/run", "#!/bin/sh\n", mode=0o755)
    assert root.esmith("control", "clamd", "status").out == "service clamd: is not supervised\n"
    printed = root.esmith("control", "clamd", "t", code=8).err
    assert "service clamd: not supervised, so there is nothing to restart\n  start runsvdir" in printed
    assert "pending" not in root.esmith("services").out


def test_an_action_that_there_is_not(root: Root) -> None:
    """A misspelt action is wrong use, before any supervisor is asked."""
    assert "did you mean 'restart'" in root.esmith("control", "clamd", "restrat", code=2).err


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("sv t clamd", ["clamd t"]),
        ("sv -v -w 9 force-restart /service/clamd/ spamd", ["clamd restart", "spamd restart"]),
        ("sv s clamd", ["clamd status"]),
        ("svc -t /service/pop3s", ["pop3s t"]),
        ("svc -tu /service/qmail", ["qmail t", "qmail u"]),
        ("svstat /service/qmail /service/clamd/", ["qmail status", "clamd status"]),
    ],
)
def test_commands_of_the_original(tmp_path: Path, command: str, calls: list[str]) -> None:
    """What is typed on the page reaches the supervisor as service actions."""
    assert _typed(tmp_path, command) == (0, calls)


@pytest.mark.parametrize(("command", "code"), [("sv t", 100), ("sv -z t clamd", 100), ("svc -z /service/x", 100)])
def test_wrong_use_calls_nothing(tmp_path: Path, command: str, code: int) -> None:
    """Wrong use is reported as the originals report it."""
    assert _typed(tmp_path, command) == (code, [])


def test_a_service_that_fails(tmp_path: Path) -> None:
    """The others are still done, and the exit code says that one failed."""
    assert _typed(tmp_path, "sv t broken clamd") == (1, ["broken t", "clamd t"])
    assert _typed(tmp_path, "svc -t /service/broken") == (111, ["broken t"])


def _typed(folder: Path, command: str) -> tuple[int, list[str]]:
    """Run a command of the original below a folder whose esmith writes down how it is called; return code and calls."""
    log = folder / "log"
    esmith = folder / "sbin/e-smith/esmith"
    esmith.parent.mkdir(parents=True, exist_ok=True)
    esmith.write_text(f'#!/bin/sh\nshift\necho "$@" >>{log}\n[ "$1" != broken ]\n')
    esmith.chmod(0o755)
    log.write_text("")
    name, *words = command.split()
    environment = {**os.environ, "ESMITH_ROOT": str(folder)}
    done = subprocess.run(
        ["sh", str(_SHIMS / name), *words], env=environment, timeout=60, check=False, capture_output=True
    )
    return done.returncode, log.read_text().splitlines()
