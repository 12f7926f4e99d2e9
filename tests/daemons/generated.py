"""Generated files, written where a real program can read them; and asking a program what it thinks."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from tests.content.desk import Desk

TIMEOUT_SECONDS = 60


def install(desk: Desk, commands: str, path: str, target: Path) -> str:
    """Write a file to a place of the test, with its mode, as email-update would make it after some commands.

    :param path: the file, as the configured system knows it.
    :return: its text.
    """
    with desk.trial(commands) as trial:
        (output,) = trial.plan(path).outputs
        assert output.rendering.warnings == []
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(output.rendering.content)
    target.chmod(output.rendering.mode)
    return output.rendering.content.decode()


def ask(*words: str | Path, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end, away from the caller's home directory."""
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        input=stdin,
        env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", **(env or {})},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def this_user() -> str:
    """Return the name of the user that runs the tests, so that daemons stay that user."""
    return pwd.getpwuid(os.geteuid()).pw_name
