"""The databases: records of properties, changed in durable transactions and journalled.

``open_store`` is the way in. What it returns is described by :class:`esmith.store.protocol.Store`; nothing outside
this package knows which database engine is behind it (docs/architecture.md#the-store).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.store.protocol import Store

#: In the directory of the databases; a database of such a name is not written there as a file.
STORE_FILES = ("data.mdb", "lock.mdb", "data.verified")


def open_store(layout: Layout, *, write: bool = False, create: bool = False, verify: bool = False) -> Store:
    """Open the databases of a root.

    :param layout: the root.
    :param write: also allow transactions.
    :param create: make the store when there is none (only ``esmith init`` does).
    :param verify: verify the data file even if nothing seems to have happened to it; it costs a read of all of it.
    :raises StoreError: when there is none, or it is damaged, or may not be read or written.
    :raises UntrustedError: when it is not in the hands of its owners alone.
    """
    layout.trust.require(*store_files(layout))
    from esmith.store.lmdb.store import LmdbStore

    return LmdbStore(layout.database, root=layout.root, write=write or create, create=create, verify=verify)


def load_engine() -> None:
    """Load what :func:`open_store` needs and open nothing: for a process whose forks open a store."""
    import esmith.store.lmdb.blocks
    import esmith.store.lmdb.store
    import esmith.store.lmdb.whole  # noqa: F401 - that they are loaded is all


def is_verified(layout: Layout) -> bool:
    """Return whether opening the store takes no time: its data file is as the last command left it.

    Otherwise :func:`open_store` verifies it, which takes seconds where it is large.
    """
    from esmith.store.lmdb.data_file import DataFile

    return DataFile(store_files(layout)[0]).is_as_marked()


def store_files(layout: Layout) -> list[str]:
    """Return the files of the store, whether they are there or not."""
    return [f"{layout.database}/{name}" for name in STORE_FILES]


def changing_file(layout: Layout) -> str:
    """Return the file that is written at each change of the databases, for those who wait for one."""
    return f"{layout.database}/data.mdb"


def open_database(layout: Layout, name: str, *, write: bool = False) -> tuple[Store, str]:
    """Open what the name of a database, as a command gets it, stands for.

    That is a database of the root, or a flat file: a path, or any name when DBPATH is set. A path to a file in
    ``/home/e-smith/db`` is the database of that name.

    :return: the store, and the database's name in it; that of a flat file is its absolute path.
    :raises UsageError: when there can be no database of that name.
    :raises StoreError: as :func:`open_store` does.
    """
    import os

    name = database_name(layout, name, os.environ.get("DBPATH", ""))
    if is_flat(name):
        return open_flat(name), name
    from esmith.store.limits import check_database

    check_database(name)
    return open_store(layout, write=write), name


def database_name(layout: Layout, name: str, prefix: str = "") -> str:
    """Return the name in its store of what somebody calls by a name or a path.

    :param prefix: the directory of DBPATH.
    :return: the name of a database of the root, or the absolute path of a flat file.
    :raises UsageError: when there can be no file of that name.
    """
    if "/" not in name and not prefix:
        return name
    from esmith.store.flat.path import flat_path

    file, base = flat_path(layout, name, prefix)
    return file or base


def is_flat(database: str) -> bool:
    """Return whether the name, as :func:`database_name` returns it, is that of a flat file."""
    return database.startswith("/")


def open_flat(path: str) -> Store:
    """Return a flat file as a store of one database, whose name is the path.

    :param path: as :func:`database_name` returns it.
    """
    from esmith.store.flat.file import FlatFile

    return FlatFile(path)
