"""The paths that match a shell pattern, as :func:`glob.glob` finds them, which makes expressions of the names in it."""

from __future__ import annotations

import os

from esmith.names import fits, is_pattern, leads_to_directory


def paths_matching(root: str, pattern: str) -> list[str]:
    """Return the paths of this disk that match a pattern, hidden ones among them, in no order.

    :param root: the directory it is below, "" for ``/``; nothing in it is a mark of a pattern.
    :param pattern: an absolute path, normal, whose names may be shell patterns.
    """
    found = [root]
    names = pattern.split("/")[1:]
    for number, name in enumerate(names):
        if is_pattern(name):
            is_last = number == len(names) - 1
            found = [f"{place}/{one}" for place in found for one in _names(place or "/", name, is_last=is_last)]
        else:
            found = [f"{place}/{name}" for place in found]
    return [path for path in found if os.path.lexists(path)]


def _names(directory: str, pattern: str, *, is_last: bool) -> list[str]:
    """Return the names in a directory that match a pattern; those of directories only, unless it is the last."""
    try:
        with os.scandir(directory) as entries:
            fitting = [entry for entry in entries if fits(entry.name, pattern)]
            return [entry.name for entry in fitting if is_last or leads_to_directory(entry)]
    except OSError:
        return []
