"""Revisions as they may be shown: the values of secret properties are masked, also in the command."""

from __future__ import annotations

from itertools import compress, islice

from esmith.functions import operator
from esmith.printable import printable, shown_time
from esmith.schema.secrecy import MASK, is_findable
from esmith.store.journal import FIELDS_OF_A_CHANGE, NO_VALUES
from esmith.store.model import FORGOTTEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from esmith.schema.load import Schema
    from esmith.store.journal import Entry
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot

SHOWN_FORGOTTEN = "(forgotten)"
#: A revision of 'esmith init' has hundreds of changes, and nobody reads them.
SHOWN_CHANGES = 20
#: Of a revision with fewer changes each is looked at for what the command shows of it.
_FEW = 1000
_PRINTABLE = bytes(range(0x20, 0x7F))


class Masking:
    """Turns revisions into what may be shown.

    :param schema: what says which values are secret.
    :param snapshot: the databases now.
    """

    def __init__(self, schema: Schema, snapshot: Snapshot) -> None:
        self._schema = schema
        self._snapshot = snapshot
        #: Whether a value of a property, any value, may be secret; by database, the record that has a schema file of
        #: its own, property, and the value where it decides.
        self._known: dict[tuple[str, str, str, str], bool] = {}
        self._properties_of: Iterable[Change] | None = None
        self._changed_records: set[tuple[str, str]] = set()

    def revision_data(self, entry: Entry, *, most: int = SHOWN_CHANGES) -> dict[str, Any]:
        """Return a revision as it is shown.

        :param most: how many of its changes are needed.
        """
        author = entry.author
        secrets = self._secrets(entry)
        return {
            "revision": entry.number,
            "time": shown_time(entry.time),
            "user": author.user,
            "sudo_user": author.sudo_user,
            "command": " ".join(_masked_word(word, secrets) for word in author.command),
            "changes": list(self.changes_data(islice(entry, most), entry)),
        }

    def command(self, entry: Entry) -> list[str]:
        """Return the words of the command that made a revision, with its secrets masked."""
        secrets = self._secrets(entry)
        return [_masked_word(word, secrets) for word in entry.author.command]

    def changes_data(self, changes: Iterable[Change], changed: Iterable[Change]) -> Iterator[dict[str, Any]]:
        """Yield changes as they are shown.

        :param changed: all changes of their revision, which can be iterated more than once.
        """
        for change in changes:
            yield {
                "database": change.database,
                "key": change.key,
                "property": change.prop,
                "old": self._shown(change, change.old, changed),
                "new": self._shown(change, change.new, changed),
            }

    def _shown(self, change: Change, value: str | None, changed: Iterable[Change]) -> str | None:
        if value == FORGOTTEN:
            return SHOWN_FORGOTTEN
        return MASK if value and self._is_secret(change.cell, value, changed) else value

    def _secrets(self, entry: Entry) -> set[str]:
        """Return the values to mask in a command, as they are written there; also those it set to what they were."""
        words = entry.author.command
        pairs = list(zip(words, words[1:], strict=False))
        databases: set[str] = set()
        shown = self._possibly_shown(entry, databases)
        if self._shows_no_secret(entry):
            databases |= set(entry.databases())
            shown = iter(())
        # Whether it is a secret is asked only of what the command shows.
        found = {printable(value) for cell, value in shown if self._is_secret(cell, value, entry)}
        if entry.count > _FEW and not self._may_set_secrets(databases, pairs):
            return found
        records = {change.cell[:2] for change in entry}
        for database, key in self._different(records, words):
            found |= {value for prop, value in pairs if self._schema.may_be_secret(database, key, prop, value)}
        return found - {FORGOTTEN}

    def _shows_no_secret(self, entry: Entry) -> bool:
        """Return whether it is known without its changes that no value in the command of a revision is a secret."""
        noted = entry.in_command()
        if noted is None or entry.count <= _FEW:
            return False
        words = set(entry.author.command)
        return not any(
            any(self._may_be_secret(database, key, prop, value) for key in ("", *self._schema.keys(database)))
            if prop
            else not self._is_only_a_type({database}, value)
            for database, prop, value in noted
            if value in words or is_findable(value)
        )

    def _possibly_shown(self, entry: Entry, databases: set[str]) -> Iterator[tuple[tuple[str, str, str], str]]:
        """Yield the values that the command of a revision may show, with what was changed.

        :param databases: gets those that were changed.
        """
        words = entry.author.command
        text = "\0".join(words)
        parts = _parts(words) if entry.count > _FEW else None
        for fields in entry.pieces():
            changed = set(fields[::FIELDS_OF_A_CHANGE])
            databases |= changed
            props, columns = (
                fields[2::FIELDS_OF_A_CHANGE],
                (fields[3::FIELDS_OF_A_CHANGE], fields[4::FIELDS_OF_A_CHANGE]),
            )
            hits: set[str] = set()
            for are_types in (False, True):
                chosen = list(map(operator.not_, props)) if are_types else props
                values = set().union(*(compress(column, chosen) for column in columns)) - NO_VALUES
                found = parts & values if parts is not None else {value for value in values if value in text}
                if not _are_printable(values):
                    found |= {value for value in values if not value.isprintable()}
                hits |= {value for value in found if value and not (are_types and self._is_only_a_type(changed, value))}
            cells = iter(fields if hits else ())
            for database, key, prop, old, new in zip(cells, cells, cells, cells, cells, strict=True):
                if old in hits:
                    yield (database, key, prop), old
                if new in hits:
                    yield (database, key, prop), new

    def _is_only_a_type(self, databases: set[str], value: str) -> bool:
        """Return whether the value of a record is never secret, since records have it for a type, in some databases."""
        return all(
            self._schema.file(database, f"@{value}") is not None
            and not any(self._may_be_secret(database, key, "", value) for key in ("", *self._schema.named(database)))
            for database in databases
        )

    def _may_set_secrets(self, databases: set[str], pairs: list[tuple[str, str]]) -> bool:
        """Return whether a word of a command may be a secret for any record of the databases that were changed."""
        if any(not prop for prop, _ in pairs):
            return True
        return any(
            self._schema.may_be_secret(database, key, prop, value)
            for database in databases
            for key in ("", *self._schema.keys(database))
            for prop, value in pairs
        )

    def _different(self, records: set[tuple[str, str]], words: list[str]) -> list[tuple[str, str]]:
        """Return the records whose properties may be secrets for different reasons: one of all without a schema file.

        :param words: of a command; where one of them is empty the name of the record counts as well.
        """
        if "" in words:
            return list(records)
        kinds = {
            (database, key if self._schema.file(database, key) is not None else ""): (database, key)
            for database, key in records
        }
        return list(kinds.values())

    def _is_secret(self, cell: tuple[str, str, str], value: str, changed: Iterable[Change]) -> bool:
        database, key, prop = cell
        if not self._may_be_secret(database, key, prop, value):
            return False
        if not prop:
            record = self._snapshot.record(database, key)
            if (record is not None and record.props) or (database, key) in self._with_properties(changed):
                return False  # a type, not the value of a record without properties
        return True

    def _with_properties(self, changed: Iterable[Change]) -> set[tuple[str, str]]:
        """Return the records of which properties were changed."""
        if self._properties_of is not changed:
            self._properties_of = changed
            self._changed_records = {change.cell[:2] for change in changed if change.prop}
        return self._changed_records

    def _may_be_secret(self, database: str, key: str, prop: str, value: str) -> bool:
        own = key if self._schema.file(database, key) is not None else ""
        if prop:
            # Another value than any is never secret where that is not.
            name = (database, own, prop, "")
            if name not in self._known:
                self._known[name] = self._schema.may_be_secret(database, key, prop)
            return self._known[name] and self._schema.may_be_secret(database, key, prop, value)
        if self._schema.file(database, f"@{value}") is None:
            return self._schema.may_be_secret(database, key, prop, value)
        # The value of a type does not depend on the name of the record.
        name = (database, own, "", value)
        if name not in self._known:
            self._known[name] = self._schema.may_be_secret(database, key, prop, value)
        return self._known[name]


def _are_printable(values: set[str]) -> bool:
    """Return whether all values are printable; that of ASCII ones is found quickly."""
    text = "".join(values)
    return not text.encode().translate(None, _PRINTABLE) if text.isascii() else text.isprintable()


def _parts(words: list[str]) -> set[str] | None:
    """Return all parts of words that a value in them can be; None when these are more than the values are."""
    if sum(len(word) ** 2 for word in words) > 2**18:
        return None
    return {
        word[start:end]
        for word in words
        for start in range(len(word))
        for end in range(start + 1, len(word) + 1)
        if end - start == len(word) or is_findable(word[start:end])
    }


def _masked_word(word: str, secrets: set[str]) -> str:
    """Return a word of a command as it is shown: masked as a whole, or where it holds a secret."""
    if word in secrets:
        return MASK
    for secret in sorted(filter(is_findable, secrets), key=len, reverse=True):
        word = word.replace(secret, MASK)
    return word.replace(FORGOTTEN, SHOWN_FORGOTTEN)
