"""The editor of the administrator: found by VISUAL and EDITOR, and started without a shell."""

from __future__ import annotations

import os
import shlex
import subprocess

from esmith.environment import clean_environment, which
from esmith.errors import UsageError

#: Where neither variable is set: what Debian's alternatives choose, what POSIX has, and what Debian installs.
_OTHERS = ("editor", "vi", "nano")


def chosen_editor() -> list[str]:
    """Return the editor that VISUAL, or else EDITOR, names, with its arguments; nothing where neither does.

    :raises UsageError: when the variable cannot be split into words, as a shell would split it.
    """
    for variable in ("VISUAL", "EDITOR"):
        text = os.environ.get(variable, "")
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"{variable} cannot be read: {f'{error}'.lower()}", hint=f"correct it: {text}") from error
        if words:
            return words
    return []


def installed_editor() -> str | None:
    """Return an editor that is there, for whoever has chosen none; None when there is none."""
    return next((path for path in map(which, _OTHERS) if path), None)


def run_editor(words: list[str], path: str) -> int:
    """Run an editor on a file, wait for its end, and return its exit status.

    :param words: the editor and its arguments.
    :raises OSError: when it cannot be started.
    """
    return subprocess.run([*words, path], env=clean_environment(), check=False).returncode
