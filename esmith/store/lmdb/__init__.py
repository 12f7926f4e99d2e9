"""The embedded store of a root: an LMDB environment, its rows, and the state of its data file."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import StoreError


def store_trouble(file: str, error: Exception) -> StoreError:
    """Return the error to raise for what LMDB or the system reported; only a fault pays for the import.

    :param file: the data file.
    """
    from esmith.store.lmdb import trouble

    return trouble.store_trouble(file, error)
