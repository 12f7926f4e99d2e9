"""Which cells are of one machine by their nature, so that no layer has them and nothing of them is sent."""

from __future__ import annotations

from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.schema.model import RecordSchema
    from esmith.store.protocol import Snapshot, Transaction


class Scopes:
    """What the schema of a root has about cells, and what their names do where it says nothing.

    :param layout: the root.
    :param snapshot: its databases.
    :param schema: that of the root, where it was read in this snapshot already.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, schema: Schema | None = None) -> None:
        self._snapshot = snapshot
        self.schema = Schema(layout, RememberedFiles(snapshot)) if schema is None else schema
        self._known: dict[tuple[str, str, str, tuple[str, ...]], bool] = {}

    @classmethod
    def of(cls, transaction: Transaction) -> Scopes:
        """Return those of the root whose databases a transaction changes; its schema is read once a transaction."""
        known = transaction.schema
        scopes = cls(Layout(transaction.root), transaction, known if isinstance(known, Schema) else None)
        transaction.schema = scopes.schema
        return scopes

    def is_host(self, database: str, key: str, prop: str, *, types: Iterable[str | None] = ()) -> bool:
        """Return whether a cell is only of this host.

        It is when the schema says so of it or of the whole record, when it is a secret or generated, and when nothing
        is known of it and its name is that of a secret. An unknown database or property is shared.

        :param prop: "" for the type of the record, or the value of one without properties.
        :param types: types that the record had or gets, besides the one it has now: what any of them says counts.
        :raises SchemaError: when a schema file is broken.
        """
        kinds = {one for one in (self._snapshot.type_of(database, key), *types) if one is not None}
        name = database, key, prop, tuple(sorted(kinds))
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._is_host(database, key, prop, name[3])
        return found

    def _is_host(self, database: str, key: str, prop: str, kinds: tuple[str, ...]) -> bool:
        for kind in kinds or (None,):
            known = self.schema.record(database, key, kind)
            if known is not None and _says_host(known, prop):
                return True
            # Of a type it is known that it is none; any other value of a cell may be a secret.
            if self.schema.is_secret(database, key, kind, prop, None if prop else kind):
                return True
        return False


def _says_host(known: RecordSchema, prop: str) -> bool:
    if known.scope_of(prop) == "host":
        return True
    declared = known.property(prop) if prop else known.value
    return declared is not None and (declared.secret or declared.generate is not None)
