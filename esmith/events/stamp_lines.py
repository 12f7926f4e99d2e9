"""What a run saw, as the lines of a stamp: see :mod:`esmith.events.stamp`, which compares them."""

from __future__ import annotations

import os

from esmith.environment import PATH
from esmith.events.stamp import CONTENT, FILE, LINK, OWNER, mark_of, mark_of_status
from esmith.events.trusted import own_trees
from esmith.looks import TRUSTED_AGE_NS
from esmith.names import is_pattern
from esmith.services.definition import OLD_PROBES
from esmith.setup.trees import PROGRAM
from esmith.store import store_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.events.derived import Derivation
    from esmith.layout import Layout
    from esmith.plan.plan import Plan

#: The directory of the engine's code.
_CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: The packages of the engine that no event has a use for: those above this one, the pages of the server-manager,
#: backups, setting up a machine, and the fleet, which reaches generated files through the settings only.
NO_PART = frozenset(
    (
        "manager",
        "status",
        "watch",
        "contrib",
        "explain",
        "overrides",
        "doctor",
        "proxy",
        "logs",
        "prompt",
        "panels",
        "fleet",
        "backup",
        "cli/fleet",
        "setup/machine",
        "setup/mail_trial",
    )
)
#: What the engine keeps that decides on services, in the directory of the state.
_LISTS = ("machine", "shipped", "version", "service-directories", "units")


class NoStampError(Exception):
    """Something that the run depended on cannot be compared later."""


class Stamp:
    """The lines of a stamp.

    :param layout: the root.
    :param started: when the run began, in nanoseconds since 1970.
    """

    def __init__(self, layout: Layout, started: int) -> None:
        self._layout = layout
        self._settled = started - TRUSTED_AGE_NS
        self._lines: dict[str, None] = {}

    @property
    def lines(self) -> list[str]:
        """The lines, each once."""
        return list(self._lines)

    def add(self, kind: str, path: str) -> str:
        """Add what a path of this disk looks like, and return that.

        :raises NoStampError: when a change of it would not show.
        """
        _require_line(path)
        mark = mark_of(kind, path)
        parts = mark.split("-")
        if kind in (FILE, LINK) and len(parts) > 1 and int(parts[0]) > self._settled:
            raise NoStampError
        if parts[-1] == "big":
            raise NoStampError
        self._lines[f"{kind} {mark} {path}"] = None
        return mark

    def add_all(self, kind: str, paths: Iterable[str]) -> None:
        """Add several paths."""
        for path in paths:
            self.add(kind, path)

    def add_seen(self, plan: Plan) -> None:
        """Add what the plan depends on besides its outputs, as it looked then."""
        assert plan.looked_at is not None
        for path, found in plan.looked_at.found.items():
            _require_line(path)
            if isinstance(found, int):
                mark = f"{found}"
            elif found.st_ctime_ns > self._settled:
                raise NoStampError
            else:
                mark = mark_of_status(found)
                if self._is_added(path, mark):
                    continue
            self._lines[f"{FILE} {mark} {path}"] = None
        for pattern in plan.looked_at.patterns:
            self._add_matches(FILE, pattern)
        for name in plan.looked_at.programs:
            self._add_program(name)

    def add_action(self, one: Derivation) -> None:
        """Add what an action looks at, and what it makes."""
        assert one.looks_at is not None
        for path in (*one.looks_at, *one.sources):
            self._add_matches("", path)
        for path in one.makes:
            self._add_matches(CONTENT, path)

    def add_trees(self) -> None:
        """Add what is in the trees of what the engine reads as its own."""
        seen: set[str] = set()
        for tree in own_trees(self._layout):
            self._add_tree(tree, seen)
        seen |= {os.path.realpath(os.path.join(_CODE, name)) for name in NO_PART}
        self._add_tree(_CODE, seen)

    def add_own(self) -> None:
        """Add what the engine reads as its own, with the directories on the way there, but not what is in the trees."""
        layout = self._layout
        trees = _trees_of(layout)
        self.add_all(FILE, trees)
        lists = [os.path.join(layout.state, name) for name in _LISTS]
        # Another version of the program says so when the shipped files are not its own.
        self.add_all(FILE, [*lists, layout.under(OLD_PROBES), PROGRAM])
        kept = [entry.path for entry in os.scandir(layout.state) if entry.is_dir(follow_symlinks=False)]
        own = [*store_files(layout), layout.event_lock, *kept]
        self.add_all(OWNER, own)
        for path in [*trees, *lists, *own]:
            self._add_way(path)

    def _is_added(self, path: str, mark: str) -> bool:
        """Return whether the lines hold a file already: by its own name, or as a link and the file that it names.

        Each user may have such files. They are generated, and they are looked at for the mail that they decide about.

        :param mark: what the file looked like.
        """
        if f"{LINK} {mark} {path}" in self._lines:
            return True
        if not os.path.islink(path):
            return False
        return f"{LINK} {mark} {os.path.join(os.path.dirname(path), os.readlink(path))}" in self._lines

    def _add_tree(self, tree: str, seen: set[str]) -> None:
        """Add all that is in a directory. Each directory shows what is new or gone in it."""
        pending = [tree]
        while pending:
            path = pending.pop()
            self.add(FILE, path)
            real = os.path.realpath(path)
            if not os.path.isdir(path) or real in seen:
                continue
            seen.add(real)
            for entry in os.scandir(path):
                if entry.name == "__pycache__":
                    continue
                if entry.is_symlink():
                    self._add_way(os.path.realpath(entry.path))
                if entry.is_dir():
                    pending.append(entry.path)
                else:
                    self.add(FILE, entry.path)

    def _add_way(self, path: str) -> None:
        """Add who owns the directories above a path."""
        while (above := os.path.dirname(path)) != path:
            self.add(OWNER, above)
            path = above

    def _add_matches(self, kind: str, pattern: str) -> None:
        """Add the matches of a pattern, and the directories in which others would be.

        :param kind: for them; "" for files as they look and directories by who owns them.
        :param pattern: as a path of the configured system.
        """
        from fnmatch import fnmatchcase

        found = ["" if self._layout.root == "/" else self._layout.root]
        for name in os.path.normpath("/" + pattern.lstrip("/")).split("/")[1:]:
            if not is_pattern(name):
                found = [f"{place}/{name}" for place in found]
                continue
            self.add_all(FILE, (place or "/" for place in found))
            found = [f"{place}/{one}" for place in found for one in _names_in(place or "/") if fnmatchcase(one, name)]
        for path in found:
            if os.path.islink(path):
                self.add(LINK, path)
            self.add(kind or (OWNER if os.path.isdir(path) else FILE), path)

    def _add_program(self, name: str) -> None:
        """Add where a program was looked for, up to where it is."""
        for directory in PATH.split(":"):
            path = f"{directory}/{name}"
            self.add(FILE, path)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return


def _require_line(path: str) -> None:
    """Refuse a path that is not one of a line.

    :raises NoStampError: for it.
    """
    if "\n" in path or "\0" in path:
        raise NoStampError


def _trees_of(layout: Layout) -> list[str]:
    """Return the directories that the engine reads as its own, that of its code among them."""
    return [*own_trees(layout), _CODE]


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
