"""Where temporary files may be: written down durably before the first one is made in a directory.

What a killed command left is found by this, wherever it was about to put files. Each command writes records of its
own, so that nobody else has to wait for it: files with names of :mod:`esmith.temporary`, which say whose they are.
"""

from __future__ import annotations

import errno
import os

from esmith.contexts import contextmanager, suppress
from esmith.disk.fault import UserDirectoryError
from esmith.names import is_temporary
from esmith.temporary import is_in_use, temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from esmith.disk.directory import Directory
    from esmith.disk.walk import Disk

#: What an entry is: a directory that temporary files are made in, or one that is itself made for them.
_HOLDS, _MADE = b"h", b"m"
#: What keeps a directory from being reached, today and tomorrow.
_LASTING = (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES)
_PUBLIC, _PRIVATE = 0o755, 0o700


class StagedRecord:
    """The record of one command.

    :param disk: the files of the root.
    :param folder: the directory for the records, as a path of this disk.
    """

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder
        self._known: set[str] = set()
        self._names: list[str] = []
        self._made: list[str] = []

    def add(self, directories: Iterable[str]) -> None:
        """Record that temporary files are about to be made in directories, and which of these are missing yet.

        :raises OSError: when it cannot be written.
        """
        new = list(dict.fromkeys(directory for directory in directories if directory not in self._known))
        if not new:
            return
        made = list(dict.fromkeys(path for one in new for path in self._missing(one)))
        entries = [*(_HOLDS + os.fsencode(path) for path in new), *(_MADE + os.fsencode(path) for path in made)]
        self._disk.directory(os.path.dirname(self._folder), make=_PUBLIC)
        folder = self._disk.directory(self._folder, make=_PRIVATE)
        name = temporary_name()
        self._names.append(name)
        folder.write(name, b"".join(entry + b"\0" for entry in entries), 0o600, None)
        folder.sync()
        self._known.update(new)
        self._made += made

    def close(self, *, undo: bool = False) -> None:
        """Remove the record: no temporary file of it is left.

        :param undo: whether directories that were made are removed again where nothing is in them.
        """
        if undo:
            _remove_empty(self._disk, self._made)
        names, self._names = self._names, []
        self._known.clear()
        self._made.clear()
        if names:
            # What cannot be removed is removed as that of a dead process later.
            with suppress(OSError):
                folder = self._disk.directory(self._folder)
                for name in names:
                    folder.remove_if_there(name)

    def _missing(self, directory: str) -> list[str]:
        """Return the directories on the way to one, and itself, that are missing; none below a directory of a user."""
        missing: list[str] = []
        try:
            found = self._disk.find(directory)
            while found is None:
                missing.append(directory)
                directory = os.path.dirname(directory)
                found = self._disk.find(directory)
        except OSError as error:
            if not isinstance(error, UserDirectoryError) and error.errno not in _LASTING:
                raise
            # Making a file there fails for the same reason, with a message that names the file.
            return []
        return missing if found.is_ours else []


@contextmanager
def waiting_file(directory: Directory) -> Iterator[str]:
    """Give a temporary name for a file in a directory; when the block ends by an error or a signal, none has it.

    A process that goes on after a signal still counts as one that may have such files, so nobody else removes them.
    """
    name, done = temporary_name(), False
    try:
        yield name
        done = True
    finally:
        if not done:
            with suppress(OSError):
                directory.remove_if_there(name)


def sweep_dead(disk: Disk, folder: str, swept: AbstractSet[str]) -> None:
    """Remove the temporary files of processes that do not run any more, wherever they made some.

    A directory that cannot be read or written now is looked at again the next time.

    :param folder: the directory for the records, as a path of this disk.
    :param swept: directories that the caller has swept already, since none of these processes runs.
    """
    try:
        records = disk.find(folder)
        names = os.listdir(folder) if records is not None else []
    except OSError:
        return
    for name in sorted(names):
        if records is not None and is_temporary(name) and not is_in_use(name):
            with suppress(OSError):
                _sweep_one(disk, records, name, swept)


def _sweep_there(disk: Disk, path: str) -> None:
    directory = disk.find(path)
    if directory is not None:
        directory.sweep()


def _sweep_one(disk: Disk, records: Directory, name: str, swept: AbstractSet[str]) -> None:
    entries = list(_entries(records.read(name)[0]))
    for kind, path in entries:
        if kind == _HOLDS and path not in swept:
            # What a user keeps from being removed in his own directory is his.
            with suppress(UserDirectoryError, NotADirectoryError):
                _sweep_there(disk, path)
    _remove_empty(disk, [path for kind, path in entries if kind == _MADE])
    records.remove_if_there(name)


def _remove_empty(disk: Disk, paths: Iterable[str]) -> None:
    for path in sorted(paths, key=len, reverse=True):
        with suppress(OSError):
            above = disk.find(os.path.dirname(path))
            if above is not None:
                above.remove_empty(os.path.basename(path))


def _entries(record: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the entries of a record; one that was not written to its end was not followed by any file."""
    for entry in record.split(b"\0")[:-1]:
        yield entry[:1], os.fsdecode(entry[1:])
