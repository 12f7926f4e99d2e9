"""Runs a command that is shipped as a file of its own, beside what it belongs to: ``commands/NAME.py``."""

from __future__ import annotations

import os
import runpy
import sys
from typing import NoReturn

from esmith.cli.output import run
from esmith.errors import ExitCode, UsageError
from esmith.setup.shipped import shipped_commands


def main() -> NoReturn:
    """Run the shipped command that has the name of this process."""
    name = os.path.basename(sys.argv[0])
    sys.exit(run(name, lambda _words: _run(name)))


def _run(name: str) -> int:
    file = shipped_commands().get(name)
    if file is None:
        raise UsageError(f"no command {name!r} is shipped", hint="call a shipped command by its own name")
    runpy.run_path(file, run_name="__main__")
    return ExitCode.OK
