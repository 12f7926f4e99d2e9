"""Damaged rows of the engine's own tables: set aside, so that they stop nothing and can still be looked at.

Whoever reads a table does not see them (:mod:`esmith.store.table`).
"""

from __future__ import annotations

from esmith.apply.generations import GENERATIONS
from esmith.apply.left import LEFT, REFUSED
from esmith.errors import StoreError
from esmith.events.confirm import UNCONFIRMED
from esmith.events.derived import STALE
from esmith.events.pending import PENDING
from esmith.events.unsettled import UNSETTLED
from esmith.fields import dataclass
from esmith.names import counted
from esmith.plan.host import PRIVATE, trouble
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.disk import Directory
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store
    from esmith.store.table import StateTable

#: All of the engine's own tables, the most important first.
TABLES: tuple[StateTable[Any], ...] = (
    *(UNCONFIRMED, UNSETTLED, GENERATIONS, PENDING, STALE),
    *(OUTPUTS, LISTED, LEFT, REFUSED),
)
#: More would hide the first ones: a damaged page of the data file has dozens of rows.
_SHOWN = 10
_NAME_LENGTH = 100


@dataclass(frozen=True)
class Damaged:
    """A damaged row.

    :param table: the name of its table.
    :param name: its name there.
    :param content: what it holds.
    :param meaning: what its loss means.
    """

    table: str
    name: str
    content: bytes
    meaning: str

    @property
    def file(self) -> str:
        """The name of the file it is kept in."""
        import re
        from hashlib import sha256

        shown = re.sub(r"[^A-Za-z0-9.-]+", "_", self.name)[:_NAME_LENGTH]
        whole = b"\0".join([self.name.encode("utf-8", "surrogateescape"), self.content])
        return f"{self.table}.{shown}.{sha256(whole).hexdigest()[:12]}"

    def __str__(self) -> str:
        return f"a row of the table {self.table} is damaged ({self.name}): {self.meaning}"


def find_damaged(snapshot: Snapshot) -> list[Damaged]:
    """Return the damaged rows."""
    return [
        Damaged(table.name, name, content, table.meaning(name))
        for table in TABLES
        for name, content in table.damaged(snapshot).items()
    ]


def set_aside_damaged(layout: Layout, store: Store) -> list[str]:
    """Move the damaged rows out of the databases, into files of their own, and return the messages about it.

    :raises StoreError: when the store cannot be written; nothing else was changed.
    """
    with store.snapshot() as snapshot:
        found = find_damaged(snapshot)
    if not found:
        return []
    place = layout.set_aside
    lines = [str(row) for row in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"... and {counted(len(found) - _SHOWN, 'more damaged row')}")
    try:
        directory = layout.disk().directory(place, make=PRIVATE)
        for row in found:
            _write(directory, row)
        directory.sync()
    except OSError as error:
        # They stop nothing where they are, and are found again.
        return [*lines, f"the damaged rows could not be set aside: {trouble(place, error)}"]
    try:
        with store.transaction(Author.current(["esmith", "recover"])) as transaction:
            for row in found:
                transaction.set_state(row.table, row.name, None)
    except StoreError as error:
        error.add_unchanged()
        raise
    return [*lines, f"{counted(len(found), 'damaged row')} of the databases set aside in {layout.inside(place)}"]


def _write(directory: Directory, row: Damaged) -> None:
    directory.remove_if_there(row.file)
    directory.write(row.file, row.content, 0o600, None)
