"""Going back to an earlier generation: the files, and the settings they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from esmith.apply.generations import list_generations, restore_since
from esmith.errors import UsageError
from esmith.events.adjust import ServiceStep
from esmith.events.owed import owe
from esmith.layout import Layout
from esmith.store.model import Author, Change
from esmith.store.protocol import Store
from esmith.store.undo import forgotten_since, rewind


@dataclass
class RolledBack:
    """What going back did.

    :param paths: the files that were put back.
    :param changes: the settings that were set back.
    :param services: the services that were told to read their files again, each with what was done.
    :param forgotten: the properties that stayed as they are, because their values of then were forgotten.
    """

    paths: list[str]
    changes: list[Change]
    services: dict[str, list[str]]
    forgotten: list[tuple[str, str, str]]


def roll_back(layout: Layout, store: Store, number: int | None, step: ServiceStep) -> RolledBack:
    """Go back to a generation; the caller holds the event lock.

    The settings go back first, in one revision: if the files cannot follow, the next event makes them.

    :param number: the generation; None for the one before the last.
    :param step: adjusts the services that read the files.
    :raises UsageError: when there is no such generation, or none after it.
    :raises InstallError: when a file cannot be put back.
    :raises ServiceError: when a service does not stay up with its old files.
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
    what = f"esmith rollback {number}"
    with store.snapshot() as snapshot:
        forgotten = forgotten_since(snapshot, found[number].revision)
    changes = rewind(store, found[number].revision, Author.current(what.split()))
    restored = restore_since(later[0], layout, store, partial(owe, why=what))
    step.carry_out_owed()
    return RolledBack(restored.paths, changes, step.done, forgotten)
