"""The commands of a shell that do the same as an operation; what is secret stands there as PASSWORD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esmith.printable import printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.schema.load import Schema
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot

#: Stands for what nobody but its owner may see.
PASSWORD = "PASSWORD"


def setting_commands(changes: Sequence[Change], schema: Schema, after: Snapshot) -> list[str]:
    """Return the commands that make changes.

    :param changes: the changes.
    :param after: the databases as they are with them.
    """
    records: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        records.setdefault((change.database, change.key), []).append(change)
    return [line for place, own in sorted(records.items()) for line in _of_record(*place, own, schema, after)]


def _of_record(database: str, key: str, changes: list[Change], schema: Schema, after: Snapshot) -> list[str]:
    type_change = next((change for change in changes if not change.prop), None)
    kind = after.type_of(database, key)
    if type_change is not None and kind is None:
        return [command(*_program(database), "delete", key)]
    pairs: list[str] = []
    gone: list[str] = []
    for change in sorted((one for one in changes if one.prop), key=lambda one: one.prop):
        if change.new is None:
            gone.append(change.prop)
        else:
            secret = schema.may_be_secret(database, key, change.prop, change.new)
            pairs += [change.prop, PASSWORD if secret else change.new]
    lines = []
    if type_change is not None and type_change.new is not None:
        shown = PASSWORD if not _has_props(after, database, key) and _is_secret_value(schema, type_change) else kind
        if type_change.old is None:
            return [command(*_program(database), "set", key, shown or "", *pairs)]
        verb = "settype" if _has_props(after, database, key) else "set"
        lines.append(command(*_program(database), verb, key, shown or ""))
    if pairs:
        lines.append(command(*_program(database), "setprop", key, *pairs))
    if gone:
        lines.append(command(*_program(database), "delprop", key, *gone))
    return lines


def _has_props(snapshot: Snapshot, database: str, key: str) -> bool:
    record = snapshot.record(database, key)
    return record is not None and bool(record.props)


def _is_secret_value(schema: Schema, change: Change) -> bool:
    return schema.may_be_secret(change.database, change.key, "", change.new or "")


def _program(database: str) -> list[str]:
    return ["config"] if database == "configuration" else ["db", database]


def event_command(words: Sequence[str], confirm: float | None = None) -> str:
    """Return the command that signals an event.

    :param words: its name, and its arguments.
    :param confirm: seconds after which it is rolled back by itself.
    """
    option = [] if confirm is None else ["--confirm", f"{confirm:.0f}s"]
    name, *arguments = words
    ended = ["--"] if any(one.startswith("-") for one in arguments) else []
    return command("signal-event", *option, name, *ended, *arguments)


def command(*words: str) -> str:
    """Return words as a line to paste; what is not printable is shown by its code."""
    return " ".join(shell_word(printable(word)) for word in words)
