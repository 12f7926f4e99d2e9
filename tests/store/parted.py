"""Revisions in parts without a store."""

from __future__ import annotations

from esmith.store.journal import Entry
from esmith.store.lmdb import parts
from esmith.store.lmdb.parts import PartedEntry
from esmith.store.model import Revision


class Table:
    """A table of parts in memory."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def put(self, key: bytes, row: bytes, db: None) -> None:  # noqa: ARG002
        """Write a row."""
        self.rows[key] = row

    def delete(self, key: bytes, db: None) -> bool:  # noqa: ARG002
        """Delete a row, and return whether there was one."""
        return self.rows.pop(key, None) is not None

    def entry(self, revision: Revision) -> Entry:
        """Write a revision, and return it as it is read."""
        row = parts.Parts(self, None).row_of_revision(revision)  # type: ignore[arg-type]
        if not row.startswith(b"="):
            return Entry(revision.number, row)
        return PartedEntry(revision.number, row, lambda part: self.rows.get(parts.row_key(revision.number, part)))
