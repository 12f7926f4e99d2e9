"""What a reading verb of ``db`` did not find: a hint for people, who get nothing but the exit code otherwise."""

from __future__ import annotations

from esmith.names import nearest, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot


def what_is_missing(snapshot: Snapshot, database: str, operands: list[str]) -> str:
    """Return a message about what is not there: the database, the record, or the property.

    :param operands: the key, and the property if one was asked for.
    """
    key = operands[0]
    record = snapshot.record(database, key)
    if not snapshot.has_database(database):
        return f"there is no database {shorten(database)!r}{_close(database, snapshot.databases())}"
    if record is None or len(operands) == 1:
        return f"{database} has no record {shorten(key)!r}{_close(key, snapshot.keys(database))}"
    prop = operands[1]
    return f"{database} {shorten(key)} has no property {shorten(prop)!r}{_close(prop, list(record.props))}"


def _close(name: str, names: list[str]) -> str:
    close = nearest(name, names)
    return f"; did you mean {shorten(close)!r}?" if close else ""
