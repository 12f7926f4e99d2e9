"""Which files of a plan are checked."""

from __future__ import annotations

import os

from esmith.fragments.rendering import Kind
from esmith.names import path_matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.plan.output import Output


class Due:
    """Which files are checked: those that change, and those of which a check reads one that changes.

    :param changed: the paths of what changes.
    """

    def __init__(self, changed: Collection[str]) -> None:
        self._changed = changed
        #: Whether a file that changes is in a directory, or is one of those that a check reads.
        self._has: dict[str | tuple[str, ...], bool] = {}

    def covers(self, output: Output) -> bool:
        """Return whether an output is checked; what is left is checked next time."""
        wanted = output.rendering.metadata.check
        if wanted is None or output.rendering.kind is not Kind.FILE or output.left:
            return False
        if output.path in self._changed:
            return True
        if wanted.reads is None and not wanted.command:
            return False
        # Thousands of files may have the same check.
        where = os.path.dirname(output.path) if wanted.reads is None else wanted.reads
        found = self._has.get(where)
        if found is None:
            found = self._has[where] = any(self._is_at(path, where) for path in self._changed)
        return found

    @staticmethod
    def _is_at(path: str, where: str | tuple[str, ...]) -> bool:
        if isinstance(where, str):
            return os.path.dirname(path) == where
        return any(path_matches(path, pattern) for pattern in where)
