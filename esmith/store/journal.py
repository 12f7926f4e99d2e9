"""How a revision is written down: one row of the journal, as bytes.

The fields are joined by NUL, which no name and no value can hold. A cell that did not exist is the single control
character ``\\x01``, one that was forgotten is ``\\x02`` (:data:`esmith.store.model.FORGOTTEN`), which no value can hold
either. So nothing needs escaping and nothing has to be imported.
"""

from __future__ import annotations

from esmith.store.model import Author, Change, Revision

_ABSENT = "\x01"
_FIELDS_OF_A_CHANGE = 5


def encode(revision: Revision) -> bytes:
    """Return the row of a revision; its number is the row's key."""
    author = revision.author
    fields = [str(revision.time), author.user, author.sudo_user, str(len(author.command)), *author.command]
    for change in revision.changes:
        fields += [change.database, change.key, change.prop, _cell(change.old), _cell(change.new)]
    return "\0".join(fields).encode()


def decode(number: int, row: bytes) -> Revision:
    """Return the revision of a row.

    :param number: the revision's number.
    """
    time, user, sudo_user, words, *rest = row.decode().split("\0")
    count = int(words)
    command, cells = rest[:count], rest[count:]
    changes = []
    for start in range(0, len(cells), _FIELDS_OF_A_CHANGE):
        database, key, prop, old, new = cells[start : start + _FIELDS_OF_A_CHANGE]
        changes.append(Change(database, key, prop, _value(old), _value(new)))
    return Revision(number, int(time), Author(user, sudo_user, command), changes)


def _cell(value: str | None) -> str:
    return _ABSENT if value is None else value


def _value(cell: str) -> str | None:
    return None if cell == _ABSENT else cell
