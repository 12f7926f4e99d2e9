"""What is wrong with something on the disk: the kinds of error beyond those of the system."""

from __future__ import annotations

import errno
import os
import stat

from esmith.trust import is_shared

#: No generated file is larger, in bytes; what a template gives has the same limit (docs/fragments.md).
SIZE_LIMIT = 16 * 2**20
#: The same in a directory of a user: what is replaced there is copied at each event, and must not fill the disk.
USER_SIZE_LIMIT = 2**20
_BLOCK = 2**18


class UnusableError(OSError):
    """Something is in the place of a file that is none, or that is too large to be one of ours.

    :param what: what it is, e.g. ``is a directory``.
    :param path: where.
    """

    def __init__(self, what: str, path: str) -> None:
        super().__init__(errno.EINVAL, what, path)


class UserDirectoryError(OSError):
    """Something went wrong in a directory that somebody else owns or may write; that stops this one file only."""

    @classmethod
    def of(cls, error: OSError) -> UserDirectoryError:
        """Return an error of the system as one of such a directory."""
        return cls(error.errno or errno.EIO, error.strerror or str(error), error.filename)


class Blamed:
    """Gives errors of the system the whole path; in a directory of a user they become faults of that user.

    A class and not a generator: each operation on each file enters one, and a generator takes twice as long.

    :param directory: the path of the directory the block works in.
    :param name: the name in it; "" for the directory itself.
    :param is_ours: whether nobody else may make or remove names there.
    :param missing: whether a missing name is a fault too; else it is an answer.
    """

    __slots__ = ("_directory", "_is_ours", "_missing", "_name")

    def __init__(self, directory: str, name: str, is_ours: bool, missing: bool) -> None:
        self._directory, self._name, self._is_ours, self._missing = directory, name, is_ours, missing

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if not isinstance(error, UnusableError | UserDirectoryError):
            error.filename = os.path.join(self._directory, self._name) if self._name else self._directory
        is_answer = isinstance(error, FileNotFoundError) and not self._missing
        if not (self._is_ours or is_answer or isinstance(error, UserDirectoryError)):
            raise UserDirectoryError.of(error) from error


def read_regular(descriptor: int, path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """Return what an open file holds, and what it is. The descriptor is closed.

    :param path: where it is, for the message.
    :param limit: how large it may be, in bytes.
    :raises UnusableError: when it is not a regular file, or is larger.
    """
    try:
        status = os.fstat(descriptor)
        fault = find_unusable(status.st_mode, path)
        content = bytearray()
        # A sparse file of any size costs nothing to make.
        while fault is None and status.st_size <= limit and (block := os.read(descriptor, _BLOCK)):
            content += block
            if len(content) > limit:
                break
    finally:
        os.close(descriptor)
    if fault is None and max(status.st_size, len(content)) > limit:
        fault = UnusableError(f"is larger than {limit >> 20} MB", path)
    if fault is not None:
        raise fault
    return bytes(content), status


def find_unusable(status_mode: int, path: str) -> UnusableError | None:
    """Return what is wrong with something that has to be a regular file; None for nothing.

    :param status_mode: ``st_mode`` of what is there.
    """
    if stat.S_ISREG(status_mode):
        return None
    kinds = {stat.S_IFDIR: "is a directory", stat.S_IFLNK: "is a link"}
    return UnusableError(kinds.get(stat.S_IFMT(status_mode), "is not a regular file"), path)


def is_private(path: str, status: os.stat_result, owners: frozenset[int]) -> bool:
    """Return whether the group that may write a directory has nobody in it but its owner."""
    if status.st_uid not in owners or is_shared(status):
        return False
    from esmith.ownership import find_fault

    return find_fault(path, status, owners, shared=False, root="/") is None
