"""What a file looks like from outside: when that is the same, so is what it holds."""

from __future__ import annotations

import os
import time

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
