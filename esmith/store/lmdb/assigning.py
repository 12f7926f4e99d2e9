"""A transaction whose changes go to a chosen layer of a fleet: it also notes what was set to what it is already.

A layer may have another value than the one that shows, which a nearer layer hides. So that a cell was set counts, and
not that it differs.
"""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from esmith.store.lmdb.transaction import Before


class AssigningTransaction(LmdbTransaction):
    """A transaction that fills :attr:`esmith.store.protocol.Transaction.assigned`."""

    def __enter__(self) -> Self:
        """Begin.

        :raises UsageError: when this server is in no fleet.
        """
        #: What was noted before each of the transactions within this one that are open.
        self._assigned_before: list[dict[tuple[str, str, str], str | None]] = []
        self.assigned = {}
        super().__enter__()
        if self.state("fleet", "host") is None:
            error = UsageError(
                "this server is in no fleet, so it has no layers",
                hint="leave the option out; how to make a fleet: esmith fleet --help",
            )
            self.__exit__(UsageError, error, None)
            raise error
        return self

    def set_type(self, database: str, key: str, type: str) -> None:
        """Set the type of a record."""
        super().set_type(database, key, type)
        self._assign(database, key, "", type)

    def set_prop(self, database: str, key: str, prop: str, value: str) -> None:
        """Set a property."""
        super().set_prop(database, key, prop, value)
        self._assign(database, key, prop, value)

    def set_record(self, database: str, record: Record) -> None:
        """Make a record be so and not otherwise."""
        before = self.record(database, record.key)
        super().set_record(database, record)
        self._assign_record(database, record, before.props if before is not None else ())

    def set_records(self, database: str, texts: Iterable[tuple[str, str]]) -> None:
        """Make records be so and not otherwise."""

        # The records are written many at once, so one that is set twice is not seen as it is after the first time.
        ahead: dict[str, Record] = {}

        def noted() -> Iterator[tuple[str, str]]:
            for key, text in texts:
                before = ahead.get(key) or self.record(database, key)
                ahead[key] = Record.of_fields(key, text.split("\0"))
                self._assign_record(database, ahead[key], before.props if before is not None else ())
                yield key, text

        super().set_records(database, noted())

    def delete_prop(self, database: str, key: str, prop: str) -> None:
        """Delete a property."""
        super().delete_prop(database, key, prop)
        if prop:
            self._assign(database, key, prop, None)

    def delete_record(self, database: str, key: str) -> None:
        """Delete a record."""
        before = self.record(database, key)
        super().delete_record(database, key)
        for prop in ["", *(before.props if before is not None else ())]:
            self._assign(database, key, prop, None)

    def begin_inner(self) -> Before:
        """Begin a transaction within this one."""
        self._assigned_before.append(dict(self.assigned))
        return super().begin_inner()

    def end_inner(self, before: Before, *, keep: bool) -> None:
        """End the transaction within this one."""
        assigned = self._assigned_before.pop()
        if not keep:
            self.assigned = assigned
        super().end_inner(before, keep=keep)

    def _assign_record(self, database: str, record: Record, before: Iterable[str]) -> None:
        """Note a whole record.

        :param before: the properties it had.
        """
        for prop in before:
            self._assign(database, record.key, prop, None)
        for prop, value in {"": record.type, **record.props}.items():
            self._assign(database, record.key, prop, value)

    def _assign(self, database: str, key: str, prop: str, value: str | None) -> None:
        self.assigned[database, key, prop] = value
