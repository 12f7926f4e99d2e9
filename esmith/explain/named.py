"""Which file a word of a command line means: as the configured system knows it, whatever folder stands for ``/``."""

from __future__ import annotations

import os
import re
import shlex

from esmith.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

_LINE = re.compile(r"(.+):([0-9]{1,18})", re.DOTALL)


def path_and_line(word: str) -> tuple[str, int | None]:
    """Return the path and the line that a word as ``/etc/clamd.conf:12`` names; the line is None for a path alone."""
    found = _LINE.fullmatch(word)
    return (found[1], int(found[2])) if found else (word, None)


def is_file(word: str) -> bool:
    """Return whether a word that is no other name is meant as a file: by a ``/``, by a line, or as it is here."""
    return "/" in word or _LINE.fullmatch(word) is not None or os.path.lexists(word)


def configured_path(layout: Layout, word: str) -> tuple[str, int | None]:
    """Return the path, as the configured system knows it, and the line that a word names.

    An absolute path is one of the configured system, or one of this disk below the root folder. A relative one is of
    this disk, and has to be below the root.

    :raises UsageError: when it is elsewhere; the hint is the command that was perhaps meant.
    """
    path, line = path_and_line(word)
    whole = os.path.normpath(os.path.join(os.getcwd(), path))
    for root in {layout.root, os.path.realpath(layout.root)} - {"/"}:
        if whole == root or whole.startswith(root + "/"):
            return whole.removeprefix(root) or "/", line
    require_no_other_root(layout, word)
    if path.startswith("/"):
        return os.path.normpath("/" + path.lstrip("/")), line
    if layout.is_machine:
        return whole, line
    inside = os.path.normpath("/" + path)
    known = os.path.lexists(layout.under(inside))
    hint = f"did you mean: esmith explain {shlex.quote(with_line(inside, line))}" if known else "name its absolute path"
    raise UsageError(f"{whole} is not below the root {layout.root}", hint=hint)


def require_no_other_root(layout: Layout, word: str) -> None:
    """Require a path of this disk not to be below the folder of another root.

    :raises UsageError: when it is; the hint is the command that looks at it.
    """
    path, line = path_and_line(word)
    whole = os.path.normpath(os.path.join(os.getcwd(), path))
    other = _other_root(whole)
    if other and other not in (layout.root, os.path.realpath(layout.root)):
        words = ["esmith", "--root", other, "explain", with_line(whole.removeprefix(other), line)]
        raise UsageError(f"{whole} is below another root, {other}", hint=f"to look at it: {shlex.join(words)}")


def with_line(path: str, line: int | None) -> str:
    """Return the word that names a file, or a line of it."""
    return path if line is None else f"{path}:{line}"


def _other_root(path: str) -> str:
    """Return the folder that stands for ``/`` for a path of this disk; "" for none but ``/`` itself."""
    folder = os.path.dirname(path)
    while folder != "/":
        if all(os.path.isdir(folder + name) for name in ("/etc/e-smith/templates", "/home/e-smith/db")):
            return folder
        folder = os.path.dirname(folder)
    return ""
