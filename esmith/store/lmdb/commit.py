"""The time of a commit: who commits is noted before it, so that a killed command costs no verification.

LMDB is safe against a killed process. A commit writes new pages, never one that the last commit refers to, has them on
the disk, and becomes valid by the last write, that of one of the two heads of the file; the other head is left alone.
Killed anywhere in between, the file is as before or as after, and what the kernel has of it stays. So nothing of a file
has to be verified that only a killed commit can have changed. A machine that went down, a copy, or a program that
knows nothing of this promises none of that, and is verified.

The protocol. The mark (:mod:`esmith.store.lmdb.data_file`) has a second line, which is blank but in a commit:

1. The exclusive ``flock`` on the data file is taken. It is held to the end, and the kernel frees it when this process
   dies. A file that is not as marked by now is not marked at the end either, and no writer is noted.
2. The mark is written with what the file looks like and with the writer: its number and the time it was started, the
   boot, the device of the file, and the valid head of the file. All of it by one write, as in step 4: who is killed
   leaves the whole old mark or the whole new one.
3. LMDB commits.
4. The mark is written with what the file looks like now, and with no writer. Where the commit failed, with what it
   looked like before: then it is verified.

Whoever finds another file than the mark says gets the lock, shared; so no commit is under way. Only a killed commit can
have changed the file when all of this holds; it is marked again then, and not verified:

- the writer is of this boot, and its process has ended;
- the file is the one of the mark: device and inode. A copy has others;
- the head that was valid before the commit is where it was, to the byte, and the other one is at most one transaction
  from it. An older state that was restored into the file has other heads;
- the file changed last at most :data:`_LONGEST_COMMIT` after the writer was noted, by the clock of the file system: the
  note was made when the mark was changed last. What another program wrote later than that is noticed.

What this cannot see is a program that writes over a part of the file within these seconds after a command was killed,
before any other command. Nothing else but the whole verification could.
"""

from __future__ import annotations

import os
import sys

from esmith.processes import boot_id, has_ended, start_of
from esmith.store.locks import wait_for_flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Protocol

    class _DataFile(Protocol):
        """What is asked of an :class:`esmith.store.lmdb.data_file.DataFile`, which itself asks here."""

        path: str

        def is_as_marked(self) -> bool: ...

        def state(self) -> bytes: ...

        def mark(self) -> None: ...

        def write_mark(self, state: bytes, writer: bytes = b"") -> None: ...

        def noted_writer(self) -> tuple[tuple[bytes, bytes, bytes, bytes, bytes], int] | None: ...


#: A commit that takes longer costs a verification when it is killed, in nanoseconds.
_LONGEST_COMMIT = 10 * 10**9
#: Of a head (mdb.c: MDB_page, MDB_meta): the size of a page, the number of the transaction, and where it ends.
_PAGE_SIZE_AT, _NUMBER_AT, _HEAD_BYTES = 40, 144, 152


class Commit:
    """The time of a commit: nobody verifies the file, and at its end the file is marked.

    It is not marked when it was not as marked before, since the commit says nothing about the rest of the file.

    :param data: the data file.
    """

    def __init__(self, data: _DataFile) -> None:
        self._data = data

    def __enter__(self) -> None:
        self._descriptor = os.open(self._data.path, os.O_RDONLY | os.O_CLOEXEC)
        begun = False
        try:
            wait_for_flock(self._descriptor, self._data.path)
            self._sound = self._data.is_as_marked() or is_of_killed_writer(self._data, self._descriptor)
            if self._sound:
                self._note_writer()
            begun = True
        finally:
            if not begun:
                os.close(self._descriptor)

    def _note_writer(self) -> None:
        try:
            self._before = self._data.state()
            self._data.write_mark(self._before, _note_of(self._descriptor))
        except OSError:
            # The commit itself says what is wrong, if it cannot be done.
            self._sound = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._sound and kind is None:
                self._data.mark()
            elif self._sound:
                self._data.write_mark(self._before)
        finally:
            os.close(self._descriptor)


def is_of_killed_writer(data: _DataFile, descriptor: int) -> bool:
    """Return whether nothing but a commit that was killed can have changed the file since it was marked.

    The caller holds the lock that a commit holds, exclusive or shared.

    :param descriptor: the file, open.
    """
    noted = data.noted_writer()
    if noted is None:
        return False
    (process, start, boot, device, head), when = noted
    status = os.fstat(descriptor)
    return (
        boot == boot_id().encode()
        and device == b"%d" % status.st_dev
        and status.st_ctime_ns <= when + _LONGEST_COMMIT
        and _is_followed(bytes.fromhex(head.decode()), _heads(descriptor))
        and has_ended(int(process), start.decode())
    )


def _note_of(descriptor: int) -> bytes:
    """Return what is noted of this process before it commits; nothing where the system does not say who it is."""
    process, boot = os.getpid(), boot_id()
    try:
        start = start_of(process)
    except OSError:
        start = ""
    if not (start and boot):
        return b""
    head = max(_heads(descriptor), key=_number_of)
    return b"%d %s %s %d %s" % (
        process,
        start.encode(),
        boot.encode(),
        os.fstat(descriptor).st_dev,
        head.hex().encode(),
    )


def _heads(descriptor: int) -> tuple[bytes, bytes]:
    first = os.pread(descriptor, _HEAD_BYTES, 0)
    page_size = int.from_bytes(first[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 4], sys.byteorder)
    return first, os.pread(descriptor, _HEAD_BYTES, page_size)


def _number_of(head: bytes) -> int:
    return int.from_bytes(head[_NUMBER_AT:_HEAD_BYTES], sys.byteorder)


def _is_followed(head: bytes, heads: tuple[bytes, bytes]) -> bool:
    """Return whether the file has a head still, and as the other one that before it, or that of the next commit.

    :param head: which was valid.
    :param heads: those of the file now.
    """
    if head not in heads:
        return False
    other = heads[1] if head == heads[0] else heads[0]
    return len(other) == _HEAD_BYTES and abs(_number_of(other) - _number_of(head)) <= 1
