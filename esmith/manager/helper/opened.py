"""Opening the databases to look at them, and closing them again: a process may have them open once at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.protocol import Snapshot


@contextmanager
def opened(layout: Layout) -> Iterator[Snapshot]:
    """Return a context with the databases as they are now.

    :raises EsmithError: when they cannot be opened.
    """
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        yield snapshot
