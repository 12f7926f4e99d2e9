"""What a verb of ``db`` did not find: a hint for people, who get nothing but the exit code otherwise."""

from __future__ import annotations

import shlex

from esmith.names import nearest, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot


def what_is_missing(snapshot: Snapshot, database: str, operands: list[str]) -> str:
    """Return a message about what is not there: the database, the record, or the property.

    :param operands: the key, and the property, if they were asked for.
    """
    if not snapshot.has_database(database):
        return f"there is no database {shorten(database)!r}{_close(database, snapshot.databases())}"
    if not operands:
        return f"{database} has no records"
    key = operands[0]
    record = snapshot.record(database, key)
    if record is None or len(operands) == 1:
        return f"{database} has no record {shorten(key)!r}{_close(key, snapshot.keys(database))}"
    prop = operands[1]
    return f"{database} {shorten(key)} has no property {shorten(prop)!r}{_close(prop, list(record.props))}"


def how_to_make(snapshot: Snapshot, database: str, key: str) -> str:
    """Return the line with the command that makes a missing record, "" when a misspelt name is more likely.

    :param snapshot: a snapshot in which the record is missing.
    """
    if not snapshot.has_database(database) or nearest(key, snapshot.keys(database)):
        return ""
    program = "config" if database == "configuration" else shlex.join(["db", database])
    return f"\n  to make it, with its type in the place of TYPE: {program} set {shlex.quote(key)} TYPE"


def _close(name: str, names: list[str]) -> str:
    close = nearest(name, names)
    return f"; did you mean {shorten(close)!r}?" if close else ""
