"""Going back to an earlier generation: the files, and the settings they were made from."""

from __future__ import annotations

from esmith.apply.generations import list_generations, restore_since
from esmith.errors import UsageError
from esmith.layout import Layout
from esmith.store.model import Author, Change
from esmith.store.protocol import Store
from esmith.store.undo import rewind


def roll_back(layout: Layout, store: Store, number: int | None) -> tuple[list[str], list[Change]]:
    """Go back to a generation; the caller holds the event lock.

    The settings go back first, in one revision: if the files cannot follow, the next event makes them.

    :param number: the generation; None for the one before the last.
    :return: the files and the settings that were set back.
    :raises UsageError: when there is no such generation, or none after it.
    :raises InstallError: when a file cannot be put back.
    """
    with store.snapshot() as snapshot:
        found = {generation.number: generation for generation in list_generations(snapshot)}
    numbers = sorted(found)
    if number is None:
        if len(numbers) < 2:
            raise UsageError("there is no generation to go back to", hint="'esmith generations' lists them")
        number = numbers[-2]
    later = [other for other in numbers if other > number]
    if number not in found or not later:
        raise UsageError(
            f"generation {number} is not one to go back to", hint="'esmith generations' lists them; the last one is now"
        )
    changes = rewind(store, found[number].revision, Author.current(["esmith", "rollback", str(number)]))
    return restore_since(found[later[0]], layout, store), changes
