"""A file that is there before it is needed: what is written into it is on the disk after one flush of one block.

A new file takes more: its own blocks, its name, and the file system's note of both. What is written here takes the
place of what was there, so it is not old or new when the machine goes down meanwhile, but perhaps neither: it has a
checksum, and what has a wrong one is nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from esmith.digests import sha256
from esmith.fleet.agent.points import reach
from esmith.private_files import is_private, replace_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: A block of the usual file systems, which is written as one.
_BYTES = 4096
_DIGEST_BYTES = 64
#: Behind the checksum there is a blank, and behind what is written the end of a line.
LONGEST = _BYTES - _DIGEST_BYTES - 2
_NOTHING = b"\n" * _BYTES


class PreparedFile:
    """A file of one block in a directory for its owner alone.

    :param directory: where it is.
    :param name: its name.
    """

    def __init__(self, directory: str, name: str) -> None:
        self._directory = directory
        self._name = name

    def read(self) -> bytes | None:
        """Return what was written last; None for nothing, and where the file is not as it was made."""
        try:
            with self._opened(os.O_RDONLY) as file:
                data = os.pread(file, _BYTES, 0) if _is_ours(file) else b""
        except OSError:
            return None
        line = data.partition(b"\n")[0]
        content = line[_DIGEST_BYTES + 1 :]
        return content if line == _line(content) else None

    def write(self, content: bytes) -> None:
        """Write, in the place of what is there; it is on the disk when this returns.

        :param content: one line of at most :data:`LONGEST` bytes, without its end.
        :raises OSError: when that cannot be; then nothing is in it, unless the machine goes down before the next write.
        """
        if not self._is_there():
            replace_private(self._directory, self._name, _NOTHING)
            reach("outbox prepared")
        is_written = False
        try:
            with self._opened(os.O_WRONLY) as file:
                if os.pwrite(file, _line(content).ljust(_BYTES, b"\n"), 0) != _BYTES:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                reach("outbox written")
                os.fdatasync(file)
            is_written = True
        finally:
            if not is_written:
                self.clear()

    def clear(self) -> None:
        """Have nothing in it; a machine that goes down may bring back what was."""
        with contextlib.suppress(OSError), self._opened(os.O_WRONLY) as file:
            os.pwrite(file, _NOTHING, 0)

    def _is_there(self) -> bool:
        """Return whether the file is as it was made: what is written into it needs no more room then."""
        try:
            with self._opened(os.O_RDONLY) as file:
                return _is_ours(file)
        except OSError:
            return False

    @contextlib.contextmanager
    def _opened(self, how: int) -> Iterator[int]:
        path = os.path.join(self._directory, self._name)
        file = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)


def _is_ours(file: int) -> bool:
    status = os.fstat(file)
    is_one = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    return is_one and is_private(status) and status.st_size == _BYTES


def _line(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode() + b" " + content
