"""Asking at a terminal before more than the last change is touched."""

from __future__ import annotations

import sys

from esmith.cli.output import print_report


def may_ask() -> bool:
    """Return whether somebody at a terminal can be asked; a script never is."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def agrees(question: str) -> bool:
    """Ask a question at the terminal, and return whether the answer is yes; nothing, or the end of input, is no."""
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stdout.write("\n")
    if answer.strip().lower() in ("y", "yes"):
        return True
    print_report(["nothing was changed"])
    return False
