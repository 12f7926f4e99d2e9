"""What a command imports."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.commands import TIMEOUT_SECONDS, Root


def imported_modules(root: Root, program: str, *words: str, code: int = 0) -> set[str]:
    """Return the modules that a command of the root imports, as Python itself reports them.

    :param code: the exit code it is to have.
    """
    done = subprocess.run(
        [sys.executable, "-IS", "-X", "importtime", str(root.path / "sbin/e-smith" / program), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}
