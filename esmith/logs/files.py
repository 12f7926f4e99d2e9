"""One log: a directory with ``current`` and older files, as svlogd(8) keeps them, so that either may go on with it.

All names are looked up in an open directory. Whoever writes here has no other rights than the owner of the logs, so a
link in their directory leads nowhere that he could not write himself.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress

from esmith.logs.entries import tai64n

CURRENT = "current"
#: How large a file may become, as the run scripts of svlogd and multilog have it.
BYTES = 5_000_000
#: The mode of a file that is written to, and of one that is complete (svlogd(8)).
_WRITTEN, _COMPLETE = 0o644, 0o744
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: What opening it answers where it is another account's, a link, or no file: it is taken aside then.
_OF_OTHERS = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENXIO)
#: ``@``, 24 digits, a point and a letter: the name of an older file.
_NAME_LENGTH = 27

#: The inode of ``current``, and how much of it was there: all up to the entry whose name is kept with it.
Mark = tuple[int, int]


class LogFile:
    """The log of one service.

    After a crash entries come again of which the text is there already. What stands behind the mark is compared with
    it, so nothing is there twice, and a line of which only a part was written is completed.

    :param directory: a descriptor of its directory.
    :param keep: how many older files stay; 0 for all.
    :param mark: where the entries begin that come again; None where that is not known.
    :raises OSError: when the file cannot be opened.
    """

    def __init__(self, directory: int, *, keep: int, mark: Mark | None = None) -> None:
        self._directory, self._keep = directory, keep
        self._again = b""
        self._open()
        status = os.fstat(self._file)
        self._inode, self._size = status.st_ino, status.st_size
        self._whole = self._size
        if mark is not None:
            # Another file is one that was begun after the mark was made.
            begin = mark[1] if mark[0] == self._inode else 0
            if begin <= self._size:
                self._again = os.pread(self._file, self._size - begin, begin)
                self._whole = begin
        if not self._again:
            self._end_line()
            self._whole = self._size

    @property
    def mark(self) -> Mark:
        """Where the next entry begins."""
        return self._inode, self._whole

    def is_full(self, text: bytes) -> bool:
        """Return whether a text belongs into a file of its own."""
        return bool(self._size) and not self._again and self._size + len(text) > BYTES

    def write(self, text: bytes) -> None:
        """Add whole lines, or find that they are there already.

        :raises OSError: when that is not possible, as on a full disk; a part may be written then.
        """
        there, self._again = self._again, b""
        if there.startswith(text):
            self._again = there[len(text) :]
            self._whole += len(text)
            return
        if text.startswith(there):
            text = text[len(there) :]
        else:
            # Somebody else has written since.
            self._end_line()
        while text:
            written = os.write(self._file, text)
            self._size += written
            text = text[written:]
        self._whole = self._size

    def rotate(self) -> None:
        """Begin another file, and remove the oldest that are too many.

        :raises OSError: when that is not possible.
        """
        self.complete()
        os.rename(CURRENT, self._free_name("s"), src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._open()
        self._inode, self._size, self._whole = os.fstat(self._file).st_ino, 0, 0
        older = sorted(name for name in os.listdir(self._directory) if name[:1] == "@" and len(name) == _NAME_LENGTH)
        for name in older[: -self._keep] if self._keep else []:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._directory)

    def sync(self) -> None:
        """Make it durable.

        :raises OSError: when that is not possible.
        """
        os.fsync(self._file)

    def complete(self) -> None:
        """Close the file; svlogd, which may come next, knows by the mode that it is complete.

        :raises OSError: when it cannot be made durable.
        """
        try:
            os.fsync(self._file)
            os.fchmod(self._file, _COMPLETE)
        finally:
            os.close(self._file)

    def _open(self) -> None:
        try:
            self._file = self._opened(_FLAGS | os.O_CREAT)
        except OSError as error:
            if error.errno not in _OF_OTHERS:
                raise
            os.rename(CURRENT, self._free_name("u"), src_dir_fd=self._directory, dst_dir_fd=self._directory)
            self._file = self._opened(_FLAGS | os.O_CREAT | os.O_EXCL)

    def _opened(self, flags: int) -> int:
        file = os.open(CURRENT, flags, _WRITTEN, dir_fd=self._directory)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OSError(errno.EISDIR, "is not a file")
            os.fchmod(file, _WRITTEN)
        except OSError:
            os.close(file)
            raise
        return file

    def _free_name(self, kind: str) -> str:
        """Return a name for a file that is not written to any more, by the time it is now."""
        while True:
            name = f"{tai64n(time.time_ns() // 1000).decode()}.{kind}"
            try:
                os.stat(name, dir_fd=self._directory, follow_symlinks=False)
            except FileNotFoundError:
                return name

    def _end_line(self) -> None:
        """See to it that the next text begins a line."""
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            self._size += os.write(self._file, b"\n")
