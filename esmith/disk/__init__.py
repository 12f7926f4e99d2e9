"""The files of the configured system, reached by descriptors: every read and write of an output goes through here.

A path is walked one directory at a time. As long as nobody else may write a directory, links in it are followed, as
anywhere. From the first one that somebody else owns or may write, e.g. the home of a user, nothing is followed any
more, nothing is opened that could wait or has no end, and what is made there is made with the rights of that user. A
fault there is a :class:`~esmith.disk.fault.UserDirectoryError`, so that it can stop that one output and no other.

docs/security.md, "Directories of users", says what this protects from.
"""

from __future__ import annotations

from esmith.disk.batch import SyncBatch
from esmith.disk.directory import Directory
from esmith.disk.fault import SIZE_LIMIT, UnusableError, UserDirectoryError
from esmith.disk.staged import StagedRecord, sweep_dead, waiting_file
from esmith.disk.walk import Disk, read_file

__all__ = [
    "SIZE_LIMIT",
    "Directory",
    "Disk",
    "StagedRecord",
    "SyncBatch",
    "UnusableError",
    "UserDirectoryError",
    "read_file",
    "sweep_dead",
    "waiting_file",
]
