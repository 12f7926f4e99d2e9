"""What the cases share: commands, units, and waiting for something. Standard library only."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATH = "/sbin/e-smith:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How long something may take that takes seconds on a quiet machine.
PATIENCE_SECONDS = 120
_UNITS = Path("/var/lib/e-smith/units")


class FaultError(Exception):
    """Something is not as it should be; the text says what."""


def run(*words: str, code: int | None = 0, stdin: str = "") -> str:
    """Run a command, and return what it printed, also as complaints.

    :param code: the exit code it must have; None for any.
    :raises FaultError: when it has another one.
    """
    environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        words,
        input=stdin.encode(),
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    if code not in (None, done.returncode):
        raise FaultError(f"{shlex.join(words)} exits {done.returncode}: {text[-3000:]}")
    return text


def show(unit: str, name: str) -> str:
    """Return a property of a unit (systemctl(1), "show")."""
    return run("systemctl", "show", "--value", f"--property={name}", unit).strip()


def pid_of(unit: str) -> int:
    """Return the main process of a unit, 0 for none."""
    return int(show(unit, "MainPID") or 0)


def require(is_so: object, otherwise: str) -> None:
    """See to it that something is so.

    :raises FaultError: when it is not.
    """
    if not is_so:
        raise FaultError(otherwise)


def wait_until(is_so: Callable[[], object], otherwise: str) -> None:
    """Wait until something is so.

    :raises FaultError: when it is not after a long time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise FaultError(f"{otherwise}, even after {PATIENCE_SECONDS} s")
        time.sleep(0.2)


def services() -> dict[str, dict[str, Any]]:
    """Return what ``esmith services`` says."""
    found: dict[str, dict[str, Any]] = json.loads(run("esmith", "services", "--json"))
    return found


def wanted() -> list[str]:
    """Return the services that are to be up, and have a unit of ours."""
    units = {line.split()[-1] for line in _UNITS.read_text().splitlines()}
    return [name for name, data in services().items() if data["wanted"] == "up" and f"{name}.service" in units]


def journal(unit: str, since: float) -> str:
    """Return what a unit has logged since a time, in seconds since 1970."""
    return run("journalctl", "--quiet", "--no-pager", "--output=cat", f"--since=@{since:.0f}", f"--unit={unit}")


@contextmanager
def fragment(path: str, text: str) -> Iterator[None]:
    """Have a fragment of an administrator's own, and take it back; the event is the caller's."""
    file = Path("/etc/e-smith/templates-custom", path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()
        os.removedirs(file.parent)
        Path("/etc/e-smith/templates-custom").mkdir(exist_ok=True)
