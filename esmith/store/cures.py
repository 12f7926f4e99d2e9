"""What to do about an error that the system reports of a file, by its number."""

from __future__ import annotations

import errno

NO_SPACE = "no space left"

CURES = {
    errno.ENOSPC: "free some disk space and try again",
    errno.EDQUOT: "free some disk space, or raise the quota, and try again",
    errno.EROFS: "mount the file system for writing and try again",
    errno.EIO: "the disk may be failing: see the messages of the kernel (dmesg)",
    errno.EMFILE: "raise the number of open files (ulimit -n) and try again",
    errno.ENFILE: "raise the number of open files (fs.file-max) and try again",
}
