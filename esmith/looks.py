"""What files look like from outside: when that is the same, so is what they hold."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Two changes of a file within one tick of the file system's clock look like one, so what is younger is not trusted.
TRUSTED_AGE_NS = 1_000_000_000
#: The time of a file has steps, and nothing shows that it changed twice in one.
_SETTLED_SECONDS = 2


def looks_of(path: str) -> bytes | None:
    """Return device, inode, size and both times of a file, in one line.

    :return: None when it has changed only now, so that it could change again and look the same; or is not there.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    if abs(time.time() - max(status.st_mtime, status.st_ctime)) < _SETTLED_SECONDS:
        return None
    numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return b"%d %d %d %d %d\n" % numbers


def looks_of_program(files: Iterable[str]) -> str:
    """Return what files of a program look like, which nobody changes but with another version of it.

    :raises OSError: when one is not there.
    """
    looks = map(os.stat, files)
    return " ".join(f"{one.st_dev} {one.st_ino} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns}" for one in looks)
