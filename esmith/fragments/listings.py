"""The keys of records that fragments list: a listing is read once for all outputs of a plan."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.store.protocol import Snapshot


class Listings:
    """The keys of the records of databases, for one snapshot.

    :param snapshot: the databases.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._keys: dict[str, list[str]] = {}
        self._below: dict[str, dict[str, list[str]]] = {}

    def keys(self, spec: str) -> Sequence[str]:
        """Return the keys of records in byte order.

        :param spec: ``database`` for all of them, or ``database:type,type``.
        """
        if spec not in self._keys:
            database, _, rest = spec.partition(":")
            types = rest.split(",")
            found = self._snapshot.records(database)
            self._keys[spec] = [record.key for record in found if not rest or record.type in types]
        return self._keys[spec]

    def below(self, spec: str, name: str) -> Sequence[str]:
        """Return those of them that are names below a name, as hosts are below their domain.

        Each of many domains asks for its own hosts, so all are looked at once.
        """
        if spec not in self._below:
            found = self._below[spec] = {}
            for key in self.keys(spec):
                dot = key.find(".")
                while dot >= 0:
                    found.setdefault(key[dot + 1 :], []).append(key)
                    dot = key.find(".", dot + 1)
        return self._below[spec].get(name, ())
