"""The databases: records of properties, changed in durable transactions and journalled (DESIGN section 4).

``open_store`` is the way in. What it returns is described by :class:`esmith.store.protocol.Store`; nothing outside
this package knows which database engine is behind it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.store.protocol import Store


def open_store(layout: Layout, *, write: bool = False, create: bool = False, verify: bool = False) -> Store:
    """Open the databases of a root.

    :param layout: the root.
    :param write: also allow transactions.
    :param create: make the store when there is none (only ``esmith init`` does).
    :param verify: verify the data file even if nothing seems to have happened to it; it costs a read of all of it.
    :raises StoreError: when there is none, or it is damaged, or may not be read or written.
    """
    from esmith.store.lmdb_store import LmdbStore

    return LmdbStore(layout.database, root=layout.root, write=write or create, create=create, verify=verify)
