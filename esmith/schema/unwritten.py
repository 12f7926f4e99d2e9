"""What ``initialize-databases`` would change now: settings that no event has brought up to date yet.

The record of a primary domain that was just set, say, is made by nothing else.
"""

from __future__ import annotations

from esmith.schema.initialize import initialize_each, migrate_fragments
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles
from esmith.store.overlay import Overlay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import TemplateError
    from esmith.layout import Layout
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot, Transaction


class _NoMigrations:
    """Runs no migrate fragment."""

    def run(
        self, _transaction: Transaction, _database: str, _paths: list[str]
    ) -> tuple[list[str], list[TemplateError]]:
        """Do nothing.

        :return: no warnings, and no faults.
        """
        return [], []


def find_unwritten(layout: Layout, snapshot: Snapshot) -> list[Change]:
    """Return what migrations, defaults, forced values and records that others name would change.

    The functions of ``initialize-databases`` are run on unsaved changes, so nothing is written and no lock is taken.
    The migrate fragments of contribs are not run: they are Perl, and what they would change cannot be known without
    running them. So their changes are missing here. Where a fragment of a database takes away what the defaults of an
    earlier one give, that is found each time. A value that is generated is another one each time.

    :param snapshot: the databases; it is read only.
    :raises SchemaError: as :func:`esmith.schema.initialize.initialize_databases` does.
    :raises UntrustedError: when a schema file is not in the hands of its owners alone.
    """
    tried = Overlay(snapshot)
    initialize_each(tried, Schema(layout, RememberedFiles(snapshot)), layout, _NoMigrations())
    return tried.changes


def has_fragments(layout: Layout) -> bool:
    """Return whether there are migrate fragments, whose changes :func:`find_unwritten` does not know."""
    return any(migrate_fragments(layout, database) for database in Schema(layout).databases())
