"""Pages of the journal, and looking for something in it. Of a secret nothing is shown, and it cannot be looked for.

What the actions of a job have changed are revisions of their own. Where nothing is looked for they are under the one
that the job was for, which is older.

A page is made in a time that does not depend on how long the journal is: who looks for something that is rare gets a
page with few revisions, or none, and goes on from where it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from esmith.expressions import expression
from esmith.fields import dataclass, field
from esmith.schema.masking import Masking
from esmith.store.journal import FIELDS_OF_A_CHANGE, Entry, changes_of
from esmith.store.model import Change
from esmith.store.protocol import Snapshot

#: How many revisions, and changes of them, are looked at for one page.
MOST_LOOKED_AT = 30_000
#: In how many changes of one revision a word is looked for.
_MOST_OF_ONE = 10_000
#: To pass over so many changes of other records takes as long as to look at a revision.
_SKIPPED_AT_ONCE = 50
#: How many numbers before the one asked for are tried; a restored journal has gaps.
_GAP = 16
#: How many revisions of one job are under another one, and how the journal names whose they are.
_MOST_FOLDED = 100
_OF_A_JOB = expression(r"(.+), job [0-9a-f]+")
_PREFIXES = ("database", "key", "user")


@dataclass(frozen=True)
class Query:
    """What is looked for: all of it must be in a revision.

    :param database: a database that it changed; "" for any.
    :param key: a record that it changed; "" for any.
    :param user: who made it; "" for anybody.
    :param words: parts of names, of values that are not secret, of the command and of its user; in small letters.
    """

    database: str = ""
    key: str = ""
    user: str = ""
    words: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Query:
        """Return what a text asks for: ``database:NAME``, ``key:NAME``, ``user:NAME``, and words."""
        found = dict.fromkeys(_PREFIXES, "")
        words = []
        for word in text.split():
            name, colon, value = word.partition(":")
            if colon and value and name in _PREFIXES:
                found[name] = value
            else:
                words.append(word.lower())
        return cls(**found, words=words)

    @property
    def is_empty(self) -> bool:
        """Whether every revision is asked for."""
        return not (self.database or self.key or self.user or self.words)


@dataclass
class Page:
    """A page of the journal.

    :param revisions: the newest first.
    :param next: the page after it begins before this revision; None when there is none.
    :param looked_at: how many revisions and changes were looked at.
    """

    revisions: list[dict[str, Any]] = field(default_factory=list)
    next: int | None = None
    looked_at: int = 0


def page_of(
    snapshot: Snapshot,
    masking: Masking,
    query: Query,
    *,
    before: int | None,
    size: int,
    shown: int,
    folds: bool = False,
) -> Page:
    """Return a page of the journal.

    :param before: only revisions with smaller numbers; None for all.
    :param size: how many revisions.
    :param shown: how many changes of each.
    :param folds: whether what the actions of a job have changed is under the revision that the job was for.
    """
    page = Page()
    last = None
    for entry in _entries(snapshot, before):
        run = page.revisions[-1] if page.revisions and folds and query.is_empty else None
        belongs = run is not None and _belongs(run, entry)
        full = len(page.revisions) >= size and not belongs
        if last is not None and (full or page.looked_at >= MOST_LOOKED_AT):
            page.next = last
            break
        last = entry.number
        page.looked_at += 1
        row = _row(entry, masking, query, shown, page)
        if row is None:
            continue
        row["folded"] = []
        if belongs and run is not None:
            page.revisions.pop()
            row["folded"] = [{**run, "folded": []}, *run["folded"]]
        page.revisions.append(row)
    return page


def _belongs(later: dict[str, Any], entry: Entry) -> bool:
    """Return whether a revision that actions of a job have made goes under the one before it."""
    found = _OF_A_JOB.fullmatch(later["sudo_user"])
    if found is None or len(later["folded"]) >= _MOST_FOLDED:
        return False
    author = entry.author
    made_for = author.command[:1] == ["server-manager"] and not author.sudo_user and author.user == found[1]
    return author.sudo_user == later["sudo_user"] or made_for


def _entries(snapshot: Snapshot, before: int | None) -> Iterator[Entry]:
    if before is None or before > snapshot.revision():
        return snapshot.journal()
    for number in range(before - 1, max(0, before - 1 - _GAP), -1):
        entries = snapshot.journal(number)
        first = next(entries, None)
        if first is not None:
            return _chain(first, entries)
    return (entry for entry in snapshot.journal() if entry.number < before)


def _chain(first: Entry, others: Iterator[Entry]) -> Iterator[Entry]:
    yield first
    yield from others


def _row(entry: Entry, masking: Masking, query: Query, shown: int, page: Page) -> dict[str, Any] | None:
    """Return a revision as it is shown; None when it is not what is looked for."""
    if query.is_empty:
        return _data(entry, masking, list(islice(entry, shown)))
    if query.user and query.user not in (entry.author.user, entry.author.sudo_user):
        return None
    if not entry.count and (query.database or query.key):
        # It has forgotten values of what it names.
        if not {query.database, query.key} - {""} <= set(entry.author.command):
            return None
    elif (query.database or query.key) and not entry.is_about(query.database or None, query.key or None):
        return None
    if not query.words:
        page.looked_at += entry.count // _SKIPPED_AT_ONCE
        return _data(entry, masking, list(islice(_about(entry, query), shown)))
    page.looked_at += min(entry.count, _MOST_OF_ONE)
    others = _may_have(entry, query)
    if others is None:
        return None
    data = _data(entry, masking, [])
    head = f"{data['user']} {data['sudo_user']} {data['command']}".lower()
    missing = {word for word in query.words if word not in head}
    hits, found = [], set()
    for change in masking.changes_data(others, entry):
        text = " ".join(value for value in change.values() if value).lower()
        held = {word for word in query.words if word in text}
        if held:
            found |= held
            hits.append(change)
    if missing - found:
        return None
    if not hits:
        return _data(entry, masking, list(islice(_about(entry, query), shown)))
    data["changes"] = hits[:shown]
    data["more"] = entry.count - len(data["changes"])
    return data


def _about(entry: Entry, query: Query) -> Iterable[Change]:
    """Return the changes of a revision of the database and the record that are looked for."""
    if not (query.database or query.key):
        return entry
    return (change for change in entry if query.database in ("", change.database) and query.key in ("", change.key))


def _may_have(entry: Entry, query: Query) -> list[Change] | None:
    """Return the changes that hold a word as they are written; None when a word is nowhere.

    What is shown of them holds no other text, so whoever is not here needs no masking.
    """
    author = entry.author
    head = "\0".join((author.user, author.sudo_user, *author.command)).lower()
    missing = {word for word in query.words if word not in head}
    found: list[Change] = []
    count = 0
    for fields in entry.pieces():
        count += len(fields) // FIELDS_OF_A_CHANGE
        text = "\0".join(fields).lower()
        if any(word in text for word in query.words):
            missing = {word for word in missing if word not in text}
            found += _holding(fields, query)
        if count >= _MOST_OF_ONE:
            break
    return None if missing else found


def _holding(fields: list[str], query: Query) -> Iterator[Change]:
    for change in changes_of(fields):
        if query.database in ("", change.database) and query.key in ("", change.key):
            text = " ".join(value for value in (*change.cell, change.old, change.new) if value).lower()
            if any(word in text for word in query.words):
                yield change


def _data(entry: Entry, masking: Masking, changes: list[Change]) -> dict[str, Any]:
    data = masking.revision_data(entry, most=0)
    data["changes"] = list(masking.changes_data(changes, entry))
    data["more"] = entry.count - len(changes)
    data["panel"] = _panel(entry.author.command, data["command"])
    return data


def _panel(command: list[str], shown: str) -> dict[str, str] | None:
    """Return from which page of the panel, and from which address, a revision was made; None for a command."""
    if len(command) != 4 or command[0] != "server-manager" or command[2] != "from" or " ".join(command) != shown:
        return None
    return {"page": command[1], "address": command[3]}
