"""Whether what a backup holds can be used: its archive was verified before."""

from __future__ import annotations

from esmith.backup.form import BASES, BackupError
from esmith.errors import EsmithError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from esmith.store.model import Record, Revision

    class Contents(Protocol):
        """What can be read of a backup; :class:`esmith.backup.read.Backup` has it."""

        @property
        def databases(self) -> list[str]:
            """The names of the databases."""

        def records(self, database: str, /) -> dict[str, Record]:
            """Return the records of a database."""

        def revisions(self) -> Iterator[Revision]:
            """Yield the revisions of the journal, the newest first."""

        def bases(self) -> object:
            """Return what the overrides were made from."""


def verify_contents(backup: Contents, revision: int) -> None:
    """See that the store can hold all records and revisions, and that what overrides were made from can be read.

    :param revision: the last one, by the manifest.
    :raises BackupError: when that is not so.
    """
    try:
        for database in backup.databases:
            backup.records(database)
        newest = next((revision.number for revision in _each(backup.revisions())), 0)
    except (BackupError, StoreError):
        raise
    except EsmithError as error:
        raise BackupError(f"the store cannot hold what is in it: {error.message}", hint=error.place) from error
    if newest != revision:
        raise BackupError("its journal is not of the revision that the manifest says")
    try:
        backup.bases()
    except ValueError as error:
        raise BackupError(f"{BASES}: {error}", hint="use another one") from error


def _each(revisions: Iterator[Revision]) -> Iterator[Revision]:
    """Yield the first of some revisions, when all were read."""
    first = next(revisions, None)
    for _ in revisions:
        pass
    if first is not None:
        yield first
