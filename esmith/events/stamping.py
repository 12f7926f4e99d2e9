"""Leaving a stamp after a run that found nothing to do: see :mod:`esmith.events.stamp`, which compares it.

A stamp may only say what the run itself saw. So each file must have been as it is for a second before the run began:
what was changed while it ran, or could be changed once more without a trace, gives no stamp. Nothing of it needs to be
durable, because a stamp that is lost or damaged costs time and nothing else.
"""

from __future__ import annotations

import os

from esmith.apply.left import list_left
from esmith.contexts import suppress
from esmith.directories import make_directory, open_file
from esmith.environment import PATH
from esmith.errors import EsmithError
from esmith.events.derive import declared_action, require_derivations
from esmith.events.recover import next_due
from esmith.events.stamp import (
    CONTENT,
    FILE,
    LINK,
    OWNER,
    TREES,
    all_same,
    head_of,
    mark_of,
    mark_of_status,
    read_stamp,
    stamp_of,
    stamps_of,
    text_of,
)
from esmith.events.trusted import own_trees, require_all, services_of
from esmith.looks import TRUSTED_AGE_NS
from esmith.names import is_pattern
from esmith.schema.strict import is_strict
from esmith.services.definition import OLD_PROBES
from esmith.setup.trees import PROGRAM
from esmith.store import changing_file, store_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esmith.events.definition import Event
    from esmith.events.derived import Derivation
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.plan.plan import Plan

#: Where accounts are from, where the root has none of its own (nsswitch.conf(5)); others may change without a trace.
_SWITCH = "/etc/nsswitch.conf"
_SOURCES = frozenset(("files", "systemd"))
_ACCOUNTS = ("/etc/passwd", "/etc/group")
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


class _NoStampError(Exception):
    """Something that the run depended on cannot be compared later."""


def leave_stamp(session: Session, words: Sequence[str], plan: Plan, event: Event | None = None) -> None:
    """Leave a stamp of a run, unless not all it saw can be compared later.

    The caller knows that there was nothing to do and to say (:meth:`esmith.events.session.Session.found_nothing`): also
    that no service was adjusted, and no action was done in part.

    :param words: the command, e.g. ``signal-event`` and ``email-update``.
    :param event: None for a command that signals none.
    """
    with suppress(_NoStampError, EsmithError, OSError):
        _leave(session, words, plan, event)


def _leave(session: Session, words: Sequence[str], plan: Plan, event: Event | None) -> None:
    layout = session.layout
    stamp = _Stamp(layout, session.started_ns)
    # Most often it is these that are too young.
    stamp.add_all(FILE, [changing_file(layout), *_account_files(layout)])
    stamp.add_all(LINK, (output.target for output in plan.outputs))
    with session.store.snapshot() as snapshot:
        if next_due(snapshot) is not None or list_left(snapshot):
            raise _NoStampError
        services = services_of(layout, snapshot)
        declared = require_derivations(session, strict=is_strict(snapshot))
        units = []
        if event is not None and event.services:
            from esmith.events.stamped_services import add_services

            units = add_services(session, snapshot, event.services, stamp.add)
    stamp.add_seen(plan)
    if event is not None:
        for action in event.actions:
            stamp.add_action(_quiet_action(layout, os.path.join(event.directory, action), declared))
    trees = _lines_of_trees(layout, session.started_ns)
    # All in them has been as it is since before the run began. An event has looked at it then.
    require_all(layout, services, event=event.name if event is not None else "", in_trees=event is None)
    mark, shared = text_of(trees)
    head = [head_of(layout, words), f"{len(plan.outputs)} {mark}"]
    _write(layout, f"{stamps_of(layout)}/{TREES}", shared)
    _write(layout, stamp_of(layout, words), text_of([*head, *stamp.lines, *units])[1])


def _lines_of_trees(layout: Layout, started: int) -> list[str]:
    """Return the lines of what the engine reads as its own.

    Where nothing in the trees has changed, those that are kept already hold: each directory shows what is new in it.

    :param started: as for :class:`_Stamp`.
    """
    own = _Stamp(layout, started)
    own.add_own()
    path = f"{stamps_of(layout)}/{TREES}"
    layout.trust.require(path)
    _, kept = read_stamp(path)
    if own.lines and set(kept).issuperset(own.lines) and all_same(kept):
        return kept
    own.add_trees()
    return own.lines


class _Stamp:
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

        :raises _NoStampError: when a change of it would not show.
        """
        _require_line(path)
        mark = mark_of(kind, path)
        parts = mark.split("-")
        if kind in (FILE, LINK) and len(parts) > 1 and int(parts[0]) > self._settled:
            raise _NoStampError
        if parts[-1] == "big":
            raise _NoStampError
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
                raise _NoStampError
            else:
                mark = mark_of_status(found)
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

    :raises _NoStampError: for it.
    """
    if "\n" in path or "\0" in path:
        raise _NoStampError


def _trees_of(layout: Layout) -> list[str]:
    """Return the directories that the engine reads as its own, that of its code among them."""
    return [*own_trees(layout), _CODE]


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _account_files(layout: Layout) -> Iterator[str]:
    """Yield the files that accounts are read from.

    :raises _NoStampError: when they are not from files alone.
    """
    own = [layout.under(path) for path in _ACCOUNTS]
    yield from own
    if layout.is_machine or not all(map(os.path.isfile, own)):
        yield from (*_ACCOUNTS, _SWITCH)
        with suppress(FileNotFoundError), open(_SWITCH, encoding="utf-8", errors="replace") as file:
            for line in file:
                database, _, sources = line.partition("#")[0].partition(":")
                if database.strip() in ("passwd", "group") and not _SOURCES.issuperset(sources.split()):
                    raise _NoStampError


def _quiet_action(layout: Layout, path: str, declared: list[Derivation]) -> Derivation:
    """Return the declaration of an action that need not run again where all it looks at is as it was.

    :raises _NoStampError: for any other.
    """
    one = declared_action(layout, path, declared)
    if one is None or one.looks_at is None:
        raise _NoStampError
    return one


def _write(layout: Layout, path: str, content: bytes) -> None:
    """Write a stamp; the same is not written again."""
    with suppress(OSError), open(path, "rb") as file:
        if file.read() == content:
            return
    make_directory(stamps_of(layout), 0o700)
    layout.trust.require(path)
    # In its place: of what is not whole, or of two at a time, the checksum shows it, and the next run writes it again.
    with open(open_file(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
