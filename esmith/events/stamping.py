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
from esmith.errors import EsmithError
from esmith.events.derive import declared_action, require_derivations
from esmith.events.recover import next_due
from esmith.events.stamp import (
    FILE,
    LINK,
    TREES,
    all_same,
    head_of,
    read_stamp,
    stamp_of,
    stamps_of,
    text_of,
)
from esmith.events.stamp_lines import NoStampError, Stamp
from esmith.events.trusted import require_all, services_of
from esmith.schema.strict import is_strict
from esmith.store import changing_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esmith.events.definition import Event
    from esmith.events.derived import Derivation
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.plan.plan import Plan

#: Where accounts are from, where the root has none of its own (nsswitch.conf(5)); others may change without a trace.
_SWITCH = "/etc/nsswitch.conf"
_SOURCES = frozenset(("files", "systemd"))
_ACCOUNTS = ("/etc/passwd", "/etc/group")


def leave_stamp(session: Session, words: Sequence[str], plan: Plan, event: Event | None = None) -> None:
    """Leave a stamp of a run, unless not all it saw can be compared later.

    The caller knows that there was nothing to do and to say (:meth:`esmith.events.session.Session.found_nothing`): also
    that no service was adjusted, and no action was done in part.

    :param words: the command, e.g. ``signal-event`` and ``email-update``.
    :param event: None for a command that signals none.
    """
    with suppress(NoStampError, EsmithError, OSError):
        _leave(session, words, plan, event)


def _leave(session: Session, words: Sequence[str], plan: Plan, event: Event | None) -> None:
    layout = session.layout
    stamp = Stamp(layout, session.started_ns)
    # Most often it is these that are too young.
    stamp.add_all(FILE, [changing_file(layout), *_account_files(layout)])
    stamp.add_all(LINK, (output.target for output in plan.outputs))
    with session.store.snapshot() as snapshot:
        if next_due(snapshot) is not None or list_left(snapshot):
            raise NoStampError
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

    :param started: as for :class:`Stamp`.
    """
    own = Stamp(layout, started)
    own.add_own()
    path = f"{stamps_of(layout)}/{TREES}"
    layout.trust.require(path)
    _, kept = read_stamp(path)
    if own.lines and set(kept).issuperset(own.lines) and all_same(kept):
        return kept
    own.add_trees()
    return own.lines


def _account_files(layout: Layout) -> Iterator[str]:
    """Yield the files that accounts are read from.

    :raises NoStampError: when they are not from files alone.
    """
    own = [layout.under(path) for path in _ACCOUNTS]
    yield from own
    if layout.is_machine or not all(map(os.path.isfile, own)):
        yield from (*_ACCOUNTS, _SWITCH)
        with suppress(FileNotFoundError), open(_SWITCH, encoding="utf-8", errors="replace") as file:
            for line in file:
                database, _, sources = line.partition("#")[0].partition(":")
                if database.strip() in ("passwd", "group") and not _SOURCES.issuperset(sources.split()):
                    raise NoStampError


def _quiet_action(layout: Layout, path: str, declared: list[Derivation]) -> Derivation:
    """Return the declaration of an action that need not run again where all it looks at is as it was.

    :raises NoStampError: for any other.
    """
    one = declared_action(layout, path, declared)
    if one is None or one.looks_at is None:
        raise NoStampError
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
