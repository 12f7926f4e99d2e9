"""Writing databases as flat files of the original."""

from __future__ import annotations

import os

from esmith.errors import StoreError, UsageError
from esmith.store import STORE_FILES
from esmith.store.flat import format as flat_format
from esmith.store.replace import file_trouble, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot


class FlatText:
    """A database as the text of a flat file.

    :param database: its name.
    :param data: what goes into the file.
    :param changed: the cells the original reads otherwise: key, property ("" for the type).
    """

    __slots__ = ("changed", "data", "database")

    def __init__(self, database: str, data: bytes, changed: list[tuple[str, str]]) -> None:
        self.database = database
        self.data = data
        self.changed = changed


def require_database(snapshot: Snapshot, database: str) -> None:
    """Refuse a database that there is not.

    :raises UsageError: when there is no such database.
    """
    if not snapshot.has_database(database):
        raise UsageError(
            f"there is no database {database!r}", hint=f"there are: {', '.join(snapshot.databases()) or 'none'}"
        )


def flat_text(snapshot: Snapshot, database: str) -> FlatText:
    """Return a database as a flat file holds it.

    :raises UsageError: when there is no such database.
    """
    require_database(snapshot, database)
    lines = [flat_format.header()]
    changed: list[tuple[str, str]] = []
    for record in snapshot.records(database):
        lines.append(f"{flat_format.format_record(record)}\n")
        changed += _changed_cells(record)
    return FlatText(database, "".join(lines).encode(), changed)


def write_flat_files(texts: list[FlatText], directory: str, store_directory: str) -> None:
    """Write each database to a file of its name; each file is replaced as a whole.

    :param directory: where; it is made when its parent exists.
    :param store_directory: the directory of the store, whose own files are not replaced.
    :raises StoreError: when one cannot be written.
    """
    try:
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o700)
        own = os.path.isdir(store_directory) and os.path.samefile(directory, store_directory)
    except OSError as error:
        raise file_trouble(directory, error) from error
    for text in texts:
        if own and text.database in STORE_FILES:
            raise StoreError(
                "is a file of the store", place=os.path.join(directory, text.database), hint="name another directory"
            )
    for number, text in enumerate(texts):
        try:
            replace_file(os.path.join(directory, text.database), text.data)
        except StoreError as error:
            error.add(f"{number} of {len(texts)} files were written before")
            raise


def _changed_cells(record: Record) -> list[tuple[str, str]]:
    read = flat_format.as_the_original(record)
    before = {"": record.type} | record.props
    after = {"": read.type} | read.props
    return [(record.key, prop) for prop, value in before.items() if after.get(prop) != value]
