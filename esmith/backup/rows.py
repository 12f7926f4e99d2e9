"""The databases and the journal in a backup: written from one snapshot, read back exactly."""

from __future__ import annotations

import json

from esmith.backup.form import BackupError
from esmith.store.flat import format as flat_format
from esmith.store.limits import check_database, check_record, control_character
from esmith.store.model import FORGOTTEN, Author, Change, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from esmith.store.journal import Entry
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot

#: How long a part of the journal gets, in characters; it has one line more at most.
_PART = 2**22
_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_HEAD = ("revision", "time", "user", "sudo_user", "command", "changes")


def database_text(snapshot: Snapshot, database: str) -> bytes:
    """Return a database as ``esmith export`` writes it, exactly: what the original would read otherwise is noted."""
    lines = (f"{flat_format.format_record(record)}\n" for record in snapshot.records(database))
    return flat_format.as_bytes(flat_format.header() + "".join(lines))


def records_of(database: str, data: bytes) -> dict[str, Record]:
    """Return the records of a database by their keys.

    :raises BackupError: when the store could not hold one, or a line is none.
    :raises RefusedError: likewise, by the limits of the store.
    :raises UsageError: when no database can have the name.
    """
    check_database(database)
    found: dict[str, Record] = {}
    for entry in flat_format.parse(data):
        record = entry.record
        if entry.flaws or record.key in found:
            raise BackupError(f"line {entry.number} of the database {database} is not one that a backup has")
        check_record(database, record.key, record.type, record.props)
        found[record.key] = record
    return found


def journal_parts(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the journal in parts of limited size, the newest revision first."""
    lines: list[str] = []
    size = 0
    for entry in snapshot.journal():
        for line in _lines_of(entry):
            lines.append(line)
            size += len(line) + 1
            if size > _PART:
                yield _joined(lines)
                lines, size = [], 0
    if lines:
        yield _joined(lines)


def _joined(lines: list[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def _lines_of(entry: Entry) -> Iterator[str]:
    author = entry.author
    values = entry.number, entry.time, author.user, author.sudo_user, author.command, entry.count
    yield _ENCODE(dict(zip(_HEAD, values, strict=True)))
    for change in entry:
        yield _ENCODE([*change.cell, change.old, change.new])


def revisions_of(parts: Iterable[bytes]) -> Iterator[Revision]:
    """Yield the revisions of a journal, the newest first.

    :raises BackupError: when it is damaged.
    """
    lines = (line for part in parts for line in part.decode("ascii", "replace").splitlines())
    before: int | None = None
    for line in lines:
        head = _loaded(line)
        number, count = _number_of(head, "revision"), _number_of(head, "changes")
        if number < 1 or (before is not None and number >= before):
            raise _damaged(f"revision {number} is not in its place")
        before = number
        author = _author_of(head)
        changes = [_change_of(_loaded(next(lines, "")), number) for _ in range(count)]
        yield Revision(number, _number_of(head, "time"), author, changes)


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged("a line is missing, or is none") from error


def _number_of(head: Any, name: str) -> int:
    value = head.get(name) if isinstance(head, dict) else None
    if type(value) is not int or not 0 <= value < 2**63:
        raise _damaged("a line is none of a revision")
    return value


def _author_of(head: dict[str, Any]) -> Author:
    user, sudo_user, command = head.get("user"), head.get("sudo_user"), head.get("command")
    words = [user, sudo_user, *command] if isinstance(command, list) else [None]
    if not all(isinstance(word, str) and _is_storable(word.replace(FORGOTTEN, "")) for word in words):
        raise _damaged("a revision has no author")
    assert isinstance(user, str)
    assert isinstance(sudo_user, str)
    assert isinstance(command, list)
    return Author(user, sudo_user, command)


def _change_of(row: Any, number: int) -> Change:
    if not isinstance(row, list) or len(row) != 5 or not all(isinstance(text, str) for text in row[:3]):
        raise _damaged(f"a change of revision {number} is none")
    names_fit = all(map(_is_storable, row[:3])) and row[0] and row[1]
    values_fit = all(text in (None, FORGOTTEN) or (isinstance(text, str) and _is_storable(text)) for text in row[3:])
    if not (names_fit and values_fit):
        raise _damaged(f"a change of revision {number} holds what the store cannot")
    return Change(*row)


def _is_storable(text: str) -> bool:
    """Return whether the journal can hold a text: no control characters, and nothing that is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return control_character(text) is None


def _damaged(what: str) -> BackupError:
    return BackupError(f"its journal is damaged: {what}")


def goes_on(snapshot: Snapshot, revisions: Iterable[Revision]) -> bool:
    """Return whether the journal of a root begins with that of a backup: all that came later came after the backup.

    Values are not compared: ``esmith forget`` may have taken some out since.
    """
    ours: Iterator[Entry] | None = None
    for revision in revisions:
        if ours is None:
            ours = snapshot.journal(revision.number)
        entry = next(ours, None)
        if entry is None or (entry.number, entry.time, entry.author.user) != (
            revision.number,
            revision.time,
            revision.author.user,
        ):
            return False
        if entry.count != len(revision.changes) or any(
            one.cell != other.cell for one, other in zip(entry, revision.changes, strict=True)
        ):
            return False
    # Each begins with one that is empty.
    return ours is None or next(ours, None) is None
