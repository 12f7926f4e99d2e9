"""The editor of whoever is at the terminal."""

from __future__ import annotations

import os
import shlex
import subprocess

from esmith.environment import clean_environment, which
from esmith.errors import UsageError

#: Where neither VISUAL nor EDITOR is set: what Debian's alternatives choose, and what POSIX has.
_DEFAULTS = ("editor", "vi", "nano")


def edit_file(path: str, *, at_terminal: bool) -> None:
    """Have a file edited, and wait for the end of that; no shell is started.

    :param path: a path of this disk.
    :param at_terminal: whether somebody is there; else only an editor that was chosen is started: it may be a script.
    :raises UsageError: when there is no editor, it cannot be started, or says that it failed.
    """
    words = _words(at_terminal=at_terminal)
    try:
        done = subprocess.run([*words, path], env=clean_environment(), check=False)
    except OSError as error:
        raise UsageError(
            f"the editor {words[0]!r} cannot be started: {error.strerror}",
            hint="set VISUAL or EDITOR to one that is there",
        ) from error
    if done.returncode:
        raise UsageError(f"the editor {words[0]!r} ended with status {done.returncode}", hint=f"the draft is {path}")


def _words(*, at_terminal: bool) -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        value = os.environ.get(name, "")
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise UsageError(f"{name} cannot be read: {error}", hint=f"correct it: {value}") from error
        if words:
            return words
    if not at_terminal:
        raise UsageError("nobody is at a terminal to edit it", hint="set EDITOR to a program that does")
    for program in _DEFAULTS:
        if found := which(program):
            return [found]
    raise UsageError("there is no editor", hint="set VISUAL or EDITOR to one, or install one: apt install nano")
