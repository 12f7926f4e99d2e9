"""What demos that run commands share: what they print, and which commands they run."""

from __future__ import annotations

import os
import sys

from esmith.cli.output import print_report


def say(text: str) -> None:
    """Print lines at once, with nothing in them that a terminal would obey."""
    print_report(text.splitlines())
    sys.stdout.flush()


def own(name: str) -> str:
    """Return a command of the environment that this runs in."""
    return os.path.join(os.path.dirname(sys.executable), name)
