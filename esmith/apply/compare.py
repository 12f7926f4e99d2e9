"""What changed between two generations, from the files that were kept of each install."""

from __future__ import annotations

import os

from esmith.apply.generations import Generation, list_generations
from esmith.apply.kept import kept_directory
from esmith.errors import InstallError, UsageError
from esmith.fields import dataclass
from esmith.plan.diff import hidden, secret_values, unified
from esmith.plan.host import trouble
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import all_reads_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.disk import Disk
    from esmith.layout import Layout
    from esmith.plan.diff import Cell
    from esmith.plan.listed import Listed
    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot

    Secrets = dict[tuple[Cell, str], bool]


@dataclass(frozen=True)
class Compared:
    """One file of two generations.

    :param path: its path in the configured system.
    :param old: its content, or the target of the link, after the first; None for no file.
    :param new: the same after the second.
    """

    path: str
    old: bytes | None
    new: bytes | None


def compare(layout: Layout, snapshot: Snapshot, first: int | None, last: int | None, path: str = "") -> list[Compared]:
    """Return the files that differ between two generations.

    :param first: number of a generation; None for the one before the last. The number before the first that is kept
        stands for the files that one replaced.
    :param last: number of a later one; None for the files as they are now.
    :param path: only this file.
    :raises UsageError: when there is no such generation.
    :raises InstallError: when a kept file cannot be read.
    """
    kept = list_generations(snapshot)[::-1]
    start, end = _moments(kept, first, last)
    between = [generation for generation in kept if start < generation.number <= end]
    changed = {before.path for generation in between for before in generation.before if path in ("", before.path)}
    disk = layout.disk()
    replaced = _replaced(kept, changed)
    compared = (
        Compared(
            name,
            _content_at(layout, disk, replaced[name], name, start),
            _content_at(layout, disk, replaced[name], name, end),
        )
        for name in sorted(changed)
    )
    return [one for one in compared if one.old != one.new]


def _moments(kept: list[Generation], first: int | None, last: int | None) -> tuple[int, int]:
    """Return the numbers of the two generations that are asked for.

    After the last generation come the files as they are now, so its number stands for them.

    :param kept: the generations, the oldest first.
    :raises UsageError: when there is no such generation, or the second is the older one.
    """
    if not kept:
        raise UsageError("no generation is kept yet", hint="an event or expand-template makes one when files change")
    numbers = [kept[0].number - 1, *(generation.number for generation in kept)]
    start = numbers[-2] if first is None else first
    end = numbers[-1] if last is None else last
    for number in (start, end):
        if number not in numbers:
            raise UsageError(f"there is no generation {number}", hint="'esmith generations' lists them")
    if end < start:
        raise UsageError(f"generation {end:d} is older than {start:d}", hint=f"esmith diff {end:d} {start:d}")
    return start, end


def secrets_of(snapshot: Snapshot, schema: Schema) -> Secrets:
    """Return the values that are not shown, each with whether a schema file says so."""
    return {(cell, value): schema.declares_secret(*cell) for cell, value in secret_values(snapshot, schema)}


def shown(
    compared: list[Compared], snapshot: Snapshot, schema: Schema, secrets: Secrets | None = None
) -> dict[str, list[str]]:
    """Return the unified diff of each file; of one that holds a secret, or held it, a line that names it.

    :param secrets: what :func:`secrets_of` returned, for whoever asks more than once: the journal is read for it.
    """
    if secrets is None:
        secrets = secrets_of(snapshot, schema)
    cells = {cell for cell, _ in secrets}
    known: dict[str, Listed | None] = {}
    diffs: dict[str, list[str]] = {}
    for one in compared:
        installed = OUTPUTS.get(snapshot, one.path)
        reads = all_reads_of(snapshot, installed, known) if installed else None
        contents = (one.old or b"", one.new or b"")
        # A fragment may write a value in another form, e.g. with quotes; that it was read is enough.
        if not cells.isdisjoint(reads or ()) or any(
            value.encode() in content
            for (_, value), declared in secrets.items()
            for content in contents
            if declared or reads is None
        ):
            diffs[one.path] = [hidden(one.path)]
        else:
            diffs[one.path] = unified(one.path, one.old, one.new)
    return diffs


def _replaced(kept: list[Generation], paths: set[str]) -> dict[str, list[tuple[int, str]]]:
    """Return what generations replaced of some files: each one's number, and the kept name, "" for no file.

    :param kept: the generations, the oldest first.
    """
    found: dict[str, list[tuple[int, str]]] = {path: [] for path in paths}
    for generation in kept:
        for before in generation.before:
            if before.path in found and not before.stays:
                found[before.path].append((generation.number, before.stored))
    return found


def _content_at(layout: Layout, disk: Disk, replaced: list[tuple[int, str]], path: str, number: int) -> bytes | None:
    """Return what a file held after a generation: what the next change replaced, else what it holds now.

    :param replaced: what :func:`_replaced` has of it.
    """
    for later, stored in replaced:
        if later > number:
            if not stored:
                return None
            place = os.path.join(kept_directory(layout, later), stored)
            old = _read(disk, place)
            if old is None:
                raise InstallError(
                    f"the old content of {path} is not kept any more",
                    place=place,
                    hint=f"compare with a later generation: esmith diff {later:d}",
                )
            return old
    return _read(disk, layout.under(path))


def _read(disk: Disk, place: str) -> bytes | None:
    try:
        return disk.content(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise trouble(place, error) from error
