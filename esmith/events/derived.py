"""What actions make of generated files, as data: the action ``qmail-newu`` makes ``users/cdb`` of ``users/assign``.

A file ``NAME.toml`` beside the action ``NAME`` in ``/etc/e-smith/events/actions`` says so
(docs/events.md#what-actions-make-of-files). When such a file is installed or restored, what was made of it is stale: a
row of the store, written in the same transaction, says so until the action has run (:mod:`esmith.events.derive`).
"""

from __future__ import annotations

import os
import time

from esmith.errors import EsmithError, TemplateError
from esmith.fields import dataclass, replace
from esmith.names import is_leftover, is_pattern, path_matches
from esmith.store.table import json_table
from esmith.tables import TEXTS, TomlFile, Type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from esmith.layout import Layout
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot, Transaction

#: What a declaration has behind the name of its action.
SUFFIX = ".toml"
_LISTS = {"makes": TEXTS, "from": TEXTS, "settings": TEXTS, "looks-at": TEXTS}
_CONDITION = Type(
    "a database, a key, a property and its value, separated by blanks",
    lambda value: isinstance(value, str) and len(value.split()) == 4,
)


@dataclass(frozen=True)
class Derivation:
    """What one action makes, and of what.

    :param action: its name in ``events/actions``.
    :param makes: the paths of what it makes; patterns where they depend on settings.
    :param sources: the paths of the generated files, or patterns; none when it reads settings only.
    :param settings: what it reads of the databases: ``DATABASE``, ``DATABASE KEY`` or ``DATABASE KEY PROPERTY``.
    :param looks_at: the paths, or patterns, of all else it depends on besides the databases: while these and what it
        makes are as they were, there is nothing for it to do. None when it has to run in each event.
    :param when: ``DATABASE KEY PROPERTY VALUE``: with another value of this property it has nothing to do, and an event
        does not start it. "" when that depends on no setting alone.
    """

    action: str
    makes: tuple[str, ...]
    sources: tuple[str, ...]
    settings: tuple[str, ...]
    looks_at: tuple[str, ...] | None = None
    when: str = ""

    def has_work(self, snapshot: Snapshot) -> bool:
        """Return whether the setting has the value without which the action has nothing to do."""
        if not self.when:
            return True
        database, key, prop, value = self.when.split()
        return snapshot.prop(database, key, prop) == value

    def follows(self, path: str) -> bool:
        """Return whether something is made of a generated file."""
        return any(path_matches(path, source) for source in self.sources)

    def reads(self, change: Change) -> bool:
        """Return whether the action reads a setting that was changed."""
        cell = list(change.cell)
        return any(cell[: len(words)] == words for words in map(str.split, self.settings))

    def has_sources(self, layout: Layout) -> bool:
        """Return whether any of the files is there that it is made of; True when it is made of settings."""
        return not self.sources or any(layout.matching(source) for source in self.sources)

    @property
    def removable(self) -> list[str]:
        """The paths of what it makes that are known without asking the action."""
        return [path for path in self.makes if not is_pattern(path)]


def is_declared(layout: Layout, action: str) -> bool:
    """Return whether there is an action with a declaration, be it right or wrong."""
    path = os.path.join(layout.events, "actions", action)
    return os.path.exists(path) and os.path.exists(os.path.join(layout.events, "actions", action + SUFFIX))


@dataclass(frozen=True)
class Stale:
    """Something that was made of files or settings which are others by now.

    :param makes: the paths of what is stale.
    :param why: the command since which it is.
    :param since: when that was, in seconds since 1970.
    :param tried: when it was last tried to make it again, in seconds since 1970; 0 for never.
    :param reason: why that failed.
    """

    makes: list[str]
    why: str
    since: float
    tried: float = 0.0
    reason: str = ""


#: The engine's table: name of an action -> :class:`Stale` as JSON.
STALE = json_table(
    "derived",
    Stale,
    lambda action: f"what {action} makes is perhaps stale until the next event that runs it",
)


def load_derivations(layout: Layout, fault: Callable[[EsmithError], None]) -> list[Derivation]:
    """Read what is declared of the actions of a root; a declaration without an action counts for nothing.

    :param fault: called with what is wrong with one of them: a TemplateError when it is written wrongly, an
        UntrustedError when it or its action is not in the hands of its owners alone. The others are read.
    """
    directory = os.path.join(layout.events, "actions")
    found = []
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        action = name.removesuffix(SUFFIX)
        path = os.path.join(directory, action)
        if action == name or name.startswith(".") or is_leftover(name) or not os.path.exists(path):
            continue
        try:
            layout.trust.require(path, path + SUFFIX)
            one = read_derivation(path + SUFFIX, action)
            _require_files(layout, one, path + SUFFIX)
            found.append(one)
        except FileNotFoundError:
            continue
        except EsmithError as error:
            fault(error)
    return found


def read_derivation(path: str, action: str) -> Derivation:
    """Read a declaration.

    :param path: the file.
    :param action: the name of the action beside it.
    :raises TemplateError: when it is written wrongly.
    :raises FileNotFoundError: when there is no such file.
    """
    file = TomlFile(path, TemplateError)
    file.check(file.data, {**_LISTS, "when": _CONDITION})
    makes, sources, settings, looks_at = (tuple(file.data.get(key, ())) for key in _LISTS)
    for one in (*makes, *sources, *looks_at):
        if one.endswith("/"):
            raise _names_directory(one, path)
        if not one.startswith("/") or os.path.normpath(one) != one:
            raise file.error(f"{one!r} is not an absolute path", hint="write it as it is on the server")
    if bool(makes) != bool(sources or settings) or not (makes or looks_at):
        raise file.error("makes, and from or settings, must name something", hint="correct or remove the file")
    when = file.data.get("when", "")
    if when and makes:
        raise file.error("when is not for an action that makes files of others", hint="remove when")
    return Derivation(action, makes, sources, settings, looks_at if "looks-at" in file.data else None, when)


def _require_files(layout: Layout, derivation: Derivation, path: str) -> None:
    """Refuse a declaration by which an action makes a directory: only files are made durable, or removed.

    :param path: the file of the declaration.
    :raises TemplateError: when it names one.
    """
    for one in derivation.removable:
        target = layout.under(one)
        if os.path.isdir(target) and not os.path.islink(target):
            raise _names_directory(one, path)


def _names_directory(one: str, path: str) -> TemplateError:
    name = one.rstrip("/")
    return TemplateError(f"{name!r} is a directory", place=path, hint=f"name the files in it, e.g. {name}/*")


def list_stale(snapshot: Snapshot) -> dict[str, Stale]:
    """Return what is stale, by the name of the action that makes it."""
    return STALE.rows(snapshot)


def affected(
    derivations: Iterable[Derivation], paths: Collection[str], changes: Collection[Change] = ()
) -> list[Derivation]:
    """Return what is made of files, or of settings, that are others now.

    :param paths: the files that were installed or restored.
    :param changes: the settings that were changed.
    """
    return [one for one in derivations if any(map(one.follows, paths)) or any(one.reads(change) for change in changes)]


def mark_stale(transaction: Transaction, derivations: Iterable[Derivation], why: str) -> None:
    """Record that what some actions make is stale.

    :param why: the command.
    """
    for one in derivations:
        STALE.put(transaction, one.action, Stale(list(one.makes), why, time.time()))


def record_failure(transaction: Transaction, action: str, reason: str) -> None:
    """Record that an action could not make what is stale."""
    stale = list_stale(transaction).get(action)
    if stale is not None:
        STALE.put(transaction, action, replace(stale, tried=time.time(), reason=reason))


def forget_stale(transaction: Transaction, actions: Iterable[str]) -> None:
    """Record that what some actions make is as it should be."""
    for action in actions:
        STALE.put(transaction, action, None)


def retry_times(snapshot: Snapshot) -> Iterator[float]:
    """Yield when it was last tried to make each thing that is stale, in seconds since 1970."""
    for stale in list_stale(snapshot).values():
        yield max(stale.since, stale.tried)
