"""Finding values in the files the engine keeps, and taking them out."""

from __future__ import annotations

import contextlib
import os
import stat

from esmith.apply.generations import GENERATIONS, Generation, forget_generation, list_generations
from esmith.apply.kept import kept_directory
from esmith.directories import sync_directory
from esmith.disk import read_file
from esmith.fields import replace
from esmith.layout import DRAFTS, DRAFTS_BEGUN
from esmith.names import is_temporary
from esmith.plan.host import trouble
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED, Listed
from esmith.plan.remembered import Cell, reads_of, saw_other
from esmith.printable import printable
from esmith.schema.secrecy import MASK
from esmith.shipped import digests_in, shipped_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from esmith.disk import Disk
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Transaction

#: So much of a file is read at once.
_BLOCK = 2**20

#: How long the name of a text is that an override was made from: SHA-256 in hexadecimal.
_DIGEST_LENGTH = 64

#: Where values stand in a file: place and length, in bytes.
Places = list[tuple[int, int]]


def find_in_kept(layout: Layout, values: Collection[str]) -> dict[str, Places]:
    """Return the backup copies and the damaged rows that hold a value, by their paths on this disk.

    :raises InstallError: when one cannot be read.
    """
    folders = (os.path.join(layout.state, "kept"), layout.set_aside)
    return {path: places for folder in folders for path, places in _find_below(folder, values).items()}


def find_in_overrides(layout: Layout, values: Collection[str]) -> dict[str, Places]:
    """Return the texts that overrides were made from, earlier ones, and the drafts that hold a value.

    What is shipped as it is there says nothing of this machine.

    :raises InstallError: when one cannot be read.
    """
    shipped = set(digests_in(_content(shipped_list(layout))).values())
    bases, drafts = layout.bases, layout.drafts
    found = {path: places for path, places in _find_below(bases, values).items() if _is_text(path, shipped)}
    return found | {path: places for kind in DRAFTS for path, places in _find_below(f"{drafts}/{kind}", values).items()}


def release_drafts(layout: Layout, paths: Iterable[str]) -> None:
    """Forget what drafts were begun from that will be overwritten: one with asterisks in it shall not be saved unseen.

    :param paths: the files that will be overwritten, of which only the drafts count.
    :raises InstallError: when that is not possible.
    """
    drafts = layout.drafts
    for path in paths:
        if is_draft(layout, path):
            _remove(f"{drafts}/{DRAFTS_BEGUN}/{path.removeprefix(f'{drafts}/')}")


def remove_bases(layout: Layout, paths: Iterable[str]) -> None:
    """Remove the texts that overrides were made from once they were overwritten: they are not believed any more.

    :param paths: the files that were overwritten, of which only these texts count.
    :raises InstallError: when that is not possible.
    """
    for path in paths:
        if is_base(layout, path):
            _remove(path)


def is_base(layout: Layout, path: str) -> bool:
    """Return whether a file, as a path of this disk, is a text that an override was made from."""
    return os.path.dirname(path) == layout.bases


def is_draft(layout: Layout, path: str) -> bool:
    """Return whether a file, as a path of this disk, is the draft of an override."""
    return path.startswith(f"{layout.drafts}/")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
        sync_directory(os.path.dirname(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise trouble(path, error) from error


def _is_text(path: str, shipped: Collection[str]) -> bool:
    """Return whether a file among the bases is a text that is not shipped as it is; its name is its digest."""
    name = os.path.basename(path)
    return len(name) == _DIGEST_LENGTH and name not in shipped


def _content(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError:
        return b""


def find_in_logs(layout: Layout, values: Collection[str]) -> tuple[dict[str, Places], list[str]]:
    """Return the logs of a root folder that hold a value, and those that are compressed and cannot be searched.

    :raises InstallError: when one cannot be read.
    """
    if layout.is_machine:
        return {}, []
    folder, name = os.path.split(layout.log)
    logs = [path for path in _files_below(folder) if os.path.basename(path).startswith(name)]
    packed = [path for path in logs if path.endswith((".gz", ".xz", ".bz2", ".zst"))]
    written = {*values, *map(printable, values)}
    return {path: places for path in logs if path not in packed and (places := _find(path, written))}, packed


def find_generations(layout: Layout, snapshot: Snapshot, values: Collection[str], cell: Cell) -> list[int]:
    """Return the numbers of the generations that cannot be kept: those whose old files hold a value, and older ones.

    An old file that was made from the property counts as well: it may hold the value in another form.

    :raises InstallError: when a file cannot be read.
    """
    folder = os.path.dirname(kept_directory(layout, 0))
    numbers = [int(name) for name in _names_in(folder) if name.isdecimal()]
    today = snapshot.prop(*cell)
    # What keys were made of is remembered without the values of then.
    listed = {path for path, known in LISTED.rows(snapshot).items() if _may_be_made_of(known.inputs, cell)}
    made_from = [other.number for other in list_generations(snapshot) if _is_made_from(other, cell, today, listed)]
    holding = (number for number in numbers if _find_below(kept_directory(layout, number), values))
    newest = max([*made_from, *holding], default=0)
    return sorted(number for number in numbers if number <= newest)


def _is_made_from(generation: Generation, cell: Cell, today: str | None, listed: Collection[str]) -> bool:
    found = (before.installed for before in generation.before if before.stored)
    return any(
        installed.template in listed or saw_other(installed.inputs, cell, today)
        for installed in found
        if installed is not None
    )


def find_in_place(layout: Layout, snapshot: Snapshot, values: Collection[str]) -> list[str]:
    """Return the generated files that hold a value still, and what a killed event left beside them."""
    paths = [path for path, installed in OUTPUTS.rows(snapshot).items() if not installed.is_absent]
    disk = layout.disk()
    texts = [value.encode() for value in values]
    return [path for path in [*paths, *_staged_beside(layout, paths)] if _holds(disk, layout.under(path), texts)]


def _staged_beside(layout: Layout, paths: list[str]) -> Iterator[str]:
    for folder in sorted({os.path.dirname(path) for path in paths}):
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(layout.under(folder)))
            yield from (os.path.join(folder, name) for name in names if is_temporary(name))


def _holds(disk: Disk, target: str, texts: Collection[bytes]) -> bool:
    try:
        content = disk.content(target)
    except OSError:
        return False  # gone, or not readable: esmith status shows that
    return any(text in content for text in texts)


def overwrite(files: dict[str, Places]) -> None:
    """Overwrite what was found, in place: whoever appends to a log meanwhile loses nothing.

    :raises InstallError: when that is not possible.
    """
    for path, places in files.items():
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                for at, length in places:
                    os.pwrite(descriptor, b"*" * length, at)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise trouble(path, error) from error


def drop_generations(numbers: Collection[int], transaction: Transaction) -> None:
    """Forget generations; their files are removed by :func:`remove_generations` when that is on the disk."""
    for generation in list_generations(transaction):
        if generation.number in numbers:
            forget_generation(generation, transaction)


def remove_generations(layout: Layout, numbers: Collection[int]) -> None:
    """Remove the files of generations.

    :raises InstallError: when that is not possible.
    """
    disk = layout.disk()
    for number in numbers:
        folder, name = os.path.split(kept_directory(layout, number))
        try:
            disk.directory(folder).remove_tree(name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise trouble(os.path.join(folder, name), error) from error


def drop_digests(transaction: Transaction, cell: Cell) -> None:
    """Forget what outputs were made of, where that is the property: the digest of a short value gives it away.

    The next event expands those outputs.
    """
    for path, installed in OUTPUTS.rows(transaction).items():
        if _may_be_made_of(installed.inputs, cell):
            OUTPUTS.put(transaction, path, replace(installed, inputs=""))
    for path, listed in LISTED.rows(transaction).items():
        if _is_any_made_of(listed, cell):
            LISTED.put(transaction, path, None)
    for name, generation in GENERATIONS.rows(transaction).items():
        rows = [before.row for before in generation.before]
        for before in generation.before:
            known = before.installed
            if known is None:
                before.remember(None)
            elif _may_be_made_of(known.inputs, cell):
                before.remember(replace(known, inputs=""))
        if rows != [before.row for before in generation.before]:
            GENERATIONS.put(transaction, name, generation)


def mask_commands(transaction: Transaction, values: Iterable[str]) -> None:
    """Take values out of the commands of generations: an event may have had one as an argument."""
    found = sorted({printable(value) for value in values}, key=len, reverse=True)
    for name, generation in GENERATIONS.rows(transaction).items():
        command = generation.command
        for value in found:
            command = command.replace(value, MASK)
        if command != generation.command:
            GENERATIONS.put(transaction, name, replace(generation, command=command))


def _may_be_made_of(inputs: str, cell: Cell) -> bool:
    """Return whether something was made from a property; also when what it was made of is damaged, so not known."""
    reads = reads_of(inputs)
    return bool(inputs) if reads is None else cell in reads


def _is_any_made_of(listed: Listed, cell: Cell) -> bool:
    return any(_may_be_made_of(text, cell) for text in listed.texts)


def _find_below(folder: str, values: Collection[str]) -> dict[str, Places]:
    return {path: places for path in _files_below(folder) if (places := _find(path, values))}


def _files_below(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise trouble(error.filename or folder, error)

    for directory, _, names in os.walk(folder, onerror=refuse):
        yield from (os.path.join(directory, name) for name in sorted(names))


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise trouble(folder, error) from error


def _find(path: str, values: Collection[str]) -> Places:
    try:
        return _places(path, values)
    except OSError as error:
        raise trouble(path, error) from error


def _places(path: str, values: Collection[str]) -> Places:
    """Return where values stand in a file, none in what is no plain file; a long file is read piece by piece."""
    wanted = sorted({value.encode() for value in values}, key=len, reverse=True)
    if not wanted or not stat.S_ISREG(os.lstat(path).st_mode):
        return []
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    found: Places = []
    try:
        at, rest = 0, b""
        while block := os.read(descriptor, _BLOCK):
            data, start = rest + block, at - len(rest)
            for value in wanted:
                found += [(start + place, len(value)) for place in _each(data, value)]
            at += len(block)
            rest = data[max(len(data) - len(wanted[0]) + 1, 0) :]
    finally:
        os.close(descriptor)
    return sorted(set(found))


def _each(data: bytes, value: bytes) -> Iterator[int]:
    place = data.find(value)
    while place >= 0:
        yield place
        place = data.find(value, place + 1)
