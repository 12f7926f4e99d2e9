"""Removing what killed commands left: temporary files, copies of checks, old files that no generation refers to.

None of it does harm, since its names count nowhere (:func:`esmith.names.is_temporary`); but it takes space, and may
hold passwords. Each command that changes files does it first, while it holds the event lock.
"""

from __future__ import annotations

import os

from esmith.apply.generations import list_numbers, newest_number
from esmith.apply.origin import keep_mark
from esmith.checks.copies import remove_copies
from esmith.contexts import suppress
from esmith.disk import Disk, sweep_dead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from esmith.layout import Layout
    from esmith.store.protocol import Store


def remove_left_behind(layout: Layout, store: Store, swept: AbstractSet[str]) -> None:
    """Remove all of it; what cannot be removed now is tried again by the next command.

    The caller holds the event lock, and has restored what was interrupted.

    :param swept: directories in which temporary files were removed by that.
    """
    disk = layout.disk()
    _remove_generations(layout, store, disk)
    remove_copies(layout, of_commands=True)
    sweep_dead(disk, layout.staged, swept)


def _remove_generations(layout: Layout, store: Store, disk: Disk) -> None:
    """Remove the kept files of generations that no row of the store knows."""
    folder = os.path.join(layout.state, "generations")
    with suppress(OSError):
        above = disk.find(folder)
        kept = set(os.listdir(folder)) if above is not None else set()
        if above is None or not kept:
            return
        with store.snapshot() as snapshot:
            known = set(map(str, list_numbers(snapshot)))
            newest = newest_number(snapshot)
        # A directory with another name is somebody else's.
        for name in filter(str.isdecimal, kept - known):
            with suppress(OSError):
                # The mark of an event that restored databases do not know stays; see esmith.apply.newer.
                if int(name) <= newest or not keep_mark(layout, above, int(name)):
                    above.remove_tree(name)
