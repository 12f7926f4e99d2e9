"""A directory of a root for what is kept only to be faster: nothing is lost with it but time.

What is in it may be run. So it counts only when nobody but the user who runs the command can have written it: the
directory is that user's and closed to all others, and so is each file. A file begins with a checksum; one that is
damaged, or not whole since the machine crashed, counts as not there.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys

from esmith.digests import blake2b
from esmith.directories import make_directory
from esmith.looks import looks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_DIGEST_BYTES = 16
#: More files than this are not kept: those that are of no use any more are among them.
_MOST = 4000
#: What this process found out and is not kept yet: what makes the content of a file, by its directory and its name.
_waiting: dict[str, dict[str, Callable[[], bytes]]] = {}


def digest_of(data: bytes) -> str:
    """Return a digest as hexadecimal digits, which can be the name of a file."""
    return blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def keep_later(directory: str, name: str, content: Callable[[], bytes]) -> None:
    """Note what a file is to hold, for :func:`keep_all`; what was noted of it before does not count.

    :param directory: the path of its private directory.
    :param content: makes what it holds.
    """
    _waiting.setdefault(directory, {})[name] = content


def keep_all(directory: str) -> None:
    """Keep what was noted in this process; where that cannot be, the next command finds it out again.

    :param directory: the path of the private directory.
    """
    waiting = _waiting.pop(directory, None)
    if waiting:
        PrivateDirectory(directory).write({name: content() for name, content in waiting.items()})


class PrivateDirectory:
    """Such a directory.

    :param path: where it is; it need not be there.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, None when it is not there, or not to be believed."""
        try:
            directory = self._open()
        except OSError:
            return None
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(name, flags, dir_fd=directory)
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                    return None
                data = os.read(file, status.st_size + 1)
            finally:
                os.close(file)
        except OSError:
            return None
        finally:
            os.close(directory)
        content = data[2 * _DIGEST_BYTES :]
        return content if data[: 2 * _DIGEST_BYTES] == digest_of(content).encode() else None

    def write(self, files: dict[str, bytes]) -> None:
        """Write files, each whole; where that cannot be they are not there.

        They are not made durable: what a crash leaves of one has another checksum.

        :param files: what they hold, by their names.
        """
        try:
            make_directory(self.path, 0o700)
            directory = self._open()
        except OSError:
            return
        try:
            self._make_room(directory, len(files))
            for name, content in files.items():
                _write(directory, name, digest_of(content).encode() + content)
        except OSError:
            return
        finally:
            os.close(directory)

    def _open(self) -> int:
        """Return a descriptor of the directory.

        :raises OSError: when it is not there, or others may write or read it.
        """
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = os.fstat(directory)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            os.close(directory)
            raise PermissionError
        return directory

    @staticmethod
    def _make_room(directory: int, count: int) -> None:
        """Remove all files where there would be too many: which of them are of use shows the next command."""
        names = os.listdir(directory)
        if len(names) + count > _MOST:
            for name in names:
                os.unlink(name, dir_fd=directory)


def _write(directory: int, name: str, data: bytes) -> None:
    # In its place: the checksum shows what is not whole, or of two at a time, and the next command writes it again.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        os.write(file, data)
    finally:
        os.close(file)


class KeptTables:
    """What files of TOML hold, as they were read before: :mod:`tomllib` takes longer than an event to import.

    :param path: the private directory they are kept in, all in one file.
    """

    #: Another version of Python may write it otherwise.
    _FILE = f"tables-2-{sys.hexversion:x}"

    def __init__(self, path: str) -> None:
        self._directory = PrivateDirectory(path)
        #: For each file what it looked like, what it holds, and what found that in order.
        self._rows: dict[str, tuple[bytes, bytes, str]] | None = None

    def find(self, path: str) -> tuple[dict[str, Any] | None, bytes | None]:
        """Return what a file holds, None when that is not known, and what the file looks like, for :meth:`note`."""
        looks = looks_of(path)
        row = self._all().get(path) if looks is not None else None
        if row is None or row[0] != looks:
            return None, looks
        data: dict[str, Any] = marshal.loads(row[1])
        return data, looks

    def note(self, path: str, looks: bytes | None, data: dict[str, Any]) -> None:
        """Note what a file holds, for :func:`keep_all`.

        :param looks: what it looked like before it was read.
        """
        if looks is None:
            return
        try:
            content = marshal.dumps(data)
        except ValueError:
            return  # There is a date in it.
        self._all()[path] = looks, content, ""
        keep_later(self._directory.path, self._FILE, self._content)

    def is_checked(self, path: str, program: str) -> bool:
        """Return whether what :meth:`find` gave for a file was found in order before.

        :param program: what decides on that, as :meth:`note_checked` was given it.
        """
        row = self._all().get(path)
        return row is not None and row[2] == program

    def note_checked(self, path: str, program: str) -> None:
        """Note that what a file holds was found in order, for :func:`keep_all`.

        :param program: what decides on that: how the files of the program look.
        """
        row = self._all().get(path)
        if row is not None:
            self._all()[path] = (*row[:2], program)
            keep_later(self._directory.path, self._FILE, self._content)

    def _content(self) -> bytes:
        return marshal.dumps({path: row for path, row in self._all().items() if os.path.exists(path)})

    def _all(self) -> dict[str, tuple[bytes, bytes, str]]:
        if self._rows is None:
            content = self._directory.read(self._FILE)
            self._rows = {} if content is None else marshal.loads(content)
        assert self._rows is not None
        return self._rows
