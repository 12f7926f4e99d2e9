"""What is wrong with a file or directory that does not count: ways to make it so, and to take that back."""

from __future__ import annotations

import os
import pwd
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import path_of

#: Somebody who is neither root nor in /etc/passwd; nor is the next number.
MALLORY = next(
    number for number in range(2001, 65_000) if not {number, number + 1} & {user.pw_uid for user in pwd.getpwall()}
)
requires_root = pytest.mark.root("only root may give files away")

_ACL = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20


def plain_user(number: int) -> list[str]:
    """Return the words before a command that make it one of a user.

    He may read everything, since the Python of the tests may be in a directory that only root may enter.
    """
    reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [path_of("setpriv"), f"--reuid={number}", f"--regid={number}", "--clear-groups", *reads]


def set_acl(path: Path, user: int) -> None:
    """Let a user write a file by an ACL (acl(5); the form of linux/posix_acl_xattr.h), others as before."""
    entries = [(_USER_OBJ, 7, 0xFFFFFFFF), (_USER, 7, user), (_GROUP_OBJ, 5, 0xFFFFFFFF), (_MASK, 7, 0xFFFFFFFF)]
    entries.append((_OTHER, 5, 0xFFFFFFFF))
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, _ACL, data)
    except OSError as error:
        pytest.skip(f"not possible here: this file system has no ACLs: {error.strerror}")


def _foreign(path: Path, _spare: Path) -> Path:
    os.chown(path, MALLORY, -1, follow_symlinks=False)
    return path


def _group(path: Path, _spare: Path) -> Path:
    os.chown(path, -1, MALLORY)
    path.chmod(path.stat().st_mode & 0o7777 | 0o020)
    return path


def _everybody(path: Path, _spare: Path) -> Path:
    path.chmod(path.stat().st_mode & 0o7777 | 0o002)
    return path


def _acl(path: Path, _spare: Path) -> Path:
    set_acl(path, MALLORY)
    return path


def _open_directory(path: Path, spare: Path) -> Path:
    return _everybody(path.parent, spare)


def _foreign_directory(path: Path, spare: Path) -> Path:
    return _foreign(path.parent, spare)


def _behind_a_link(path: Path, spare: Path) -> Path:
    path.rename(spare / "target")
    path.symlink_to(spare / "target")
    return _foreign(spare / "target", spare)


def _behind_a_link_in_an_open_directory(path: Path, spare: Path) -> Path:
    path.rename(spare / "target")
    path.symlink_to(spare / "target")
    return _everybody(spare, spare)


def _foreign_link(path: Path, spare: Path) -> Path:
    path.rename(spare / "target")
    path.symlink_to(spare / "target")
    return _foreign(path, spare)


#: Each spoils a file, with a spare directory beside it for what links lead to, and returns what has to be named.
FAULTS: dict[str, Callable[[Path, Path], Path]] = {
    "foreign": _foreign,
    "group-writable": _group,
    "world-writable": _everybody,
    "ACL": _acl,
    "in a writable directory": _open_directory,
    "in a foreign directory": _foreign_directory,
    "behind a link": _behind_a_link,
    "behind a link, in a writable directory": _behind_a_link_in_an_open_directory,
    "behind a foreign link": _foreign_link,
}


@contextmanager
def spoilt(path: Path, fault: str, spare: Path) -> Iterator[Path]:
    """Spoil a file for a while and yield what has to be named; afterwards it is as it was.

    :param spare: a place that is free, for what links lead to.
    """
    before = {place: place.stat() for place in (path, path.parent)}
    spare.mkdir(mode=0o755)
    try:
        yield FAULTS[fault](path, spare)
    finally:
        if path.is_symlink():
            path.unlink()
            (spare / "target").rename(path)
        if _ACL in os.listxattr(path):
            os.removexattr(path, _ACL)
        for place, status in before.items():
            os.chown(place, status.st_uid, status.st_gid)
            place.chmod(status.st_mode & 0o7777)
        shutil.rmtree(spare)
