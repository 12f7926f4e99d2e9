"""A root that has nothing but schema files and a store: what the tests of the schema are made of."""

from __future__ import annotations

from pathlib import Path

from esmith.fragments.perl.migrations import PerlMigrations
from esmith.layout import Layout
from esmith.schema.initialize import Initialized, initialize_databases
from esmith.schema.load import Schema
from esmith.store.model import Change, Record
from esmith.store.protocol import Store
from tests.store.stores import AUTHOR, last_revision, put

#: The shipped schema files.
SHIPPED = Path(__file__).parents[2] / "db"


class Desk:
    """One root.

    :param path: the root.
    :param store: its store, open for writing.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self.store = store

    @property
    def layout(self) -> Layout:
        """The root's layout."""
        return Layout(str(self.path))

    @property
    def schema(self) -> Schema:
        """The schema, read again."""
        return Schema(self.layout)

    def ship(self) -> None:
        """Put the shipped schema files in place."""
        self.path.joinpath("etc/e-smith").mkdir(parents=True)
        self.path.joinpath("etc/e-smith/db").symlink_to(SHIPPED)

    def file(self, name: str, text: str) -> Path:
        """Write a file below the directory of the schema."""
        path = self.path / "etc/e-smith/db" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def put(self, database: str, key: str, type: str, props: dict[str, str] | None = None) -> None:
        """Write a record."""
        put(self.store, database, key, type, props)

    def record(self, database: str, key: str) -> Record | None:
        """Read a record."""
        with self.store.snapshot() as snapshot:
            return snapshot.record(database, key)

    def props(self, database: str, key: str) -> dict[str, str]:
        """Return the properties of a record, which must exist."""
        record = self.record(database, key)
        assert record is not None
        return record.props

    def initialize(self) -> tuple[list[Change], list[str]]:
        """Initialise the databases, of which nothing is left out; return what changed, and warnings."""
        done = self.initialized()
        assert done.faults == []
        return done.changes, done.warnings

    def initialized(self) -> Initialized:
        """Initialise the databases; return what was done, also when something was left out."""
        with PerlMigrations(self.layout) as migrations:
            return initialize_databases(self.store, self.schema, self.layout, AUTHOR, migrations)

    def revision(self) -> int:
        """Return the number of the last revision."""
        return last_revision(self.store)
