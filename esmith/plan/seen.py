"""What files look like that a plan depends on: each is looked at once, so that the whole plan sees the same."""

from __future__ import annotations

import os
import time

from esmith.fields import dataclass
from esmith.layout import Layout
from esmith.looks import TRUSTED_AGE_NS
from esmith.names import is_pattern
from esmith.plan.remembered import digest


@dataclass(frozen=True)
class LookedAt:
    """What a plan depends on besides the databases, the accounts and the outputs.

    :param found: what was seen of files of this disk, by path; an error number of those that are not there.
    :param patterns: the patterns whose matches were asked for, as paths of the configured system.
    :param programs: the names of the programs that were looked for.
    """

    found: dict[str, os.stat_result | int]
    patterns: set[str]
    programs: set[str]


class Seen:
    """What files look like, for one plan.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen: dict[str, str] = {}
        self._found: dict[str, os.stat_result | int] = {}
        self._matches: dict[str, str] = {}
        self._programs: dict[str, str] = {}
        self._schemas: dict[str, str] = {}
        self._newest = 0
        self._started = time.time_ns()

    @property
    def are_settled(self) -> bool:
        """Whether each of them was old enough that a change of it would show."""
        return self._newest <= self._started - TRUSTED_AGE_NS

    @property
    def looked_at(self) -> LookedAt:
        """Return what was looked at so far."""
        return LookedAt(self._found, set(self._matches), set(self._programs))

    def file(self, path: str) -> str:
        """Return what was seen of a file, a directory, or the matches of a pattern."""
        layout = self._layout
        if not is_pattern(path):
            return self.mark(layout.under(path))
        if path not in self._matches:
            self._matches[path] = digest("\n".join(layout.matching(path))) or ""
        return self._matches[path]

    def schema(self, path: str) -> str:
        """Return what was seen of a schema file: there are few, and each output was made with some of them."""
        if path not in self._schemas:
            self._schemas[path] = self.mark(self._layout.under(path))
        return self._schemas[path]

    def program(self, name: str) -> str:
        """Return what was seen of a program: where it is, and which file that is."""
        if name not in self._programs:
            from esmith.fragments.programs import find_program

            try:
                path = find_program(name)
            except ValueError:
                return "no name"
            self._programs[name] = f"{path} {self.mark(path)}" if path else ""
        return self._programs[name]

    def mark(self, path: str) -> str:
        """Return what was seen of a file of this disk. It is looked at once.

        What was read of it may be kept for later outputs (:mod:`esmith.fragments.kept`). If it is removed in between,
        these were still made of what it was.
        """
        if path not in self._seen:
            self._seen[path] = self._look_at(path)
        return self._seen[path]

    def _look_at(self, path: str) -> str:
        try:
            status = os.stat(path)
        except OSError as error:
            self._found[path] = error.errno or 0
            return str(error.errno)
        except ValueError:
            # It has a NUL in it.
            self._found[path] = 0
            return "no path"
        self._found[path] = status
        self._newest = max(self._newest, status.st_mtime_ns, status.st_ctime_ns)
        return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
