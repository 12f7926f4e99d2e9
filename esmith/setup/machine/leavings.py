"""What services wrote for themselves, and write again: removed with them, and the directories where nothing else is.

What somebody misses stays, and so does its directory: a mail in the quarantine, what the spam filter has learnt.
"""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase

from esmith.accounts.system import service_directories_of
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.setup.machine.removal import remove_empty


def leavings(layout: Layout) -> list[str]:
    """Return the files that services left and write again, as paths of the configured system.

    :raises ServiceError: when a file that defines a service is broken.
    """
    services = Services(layout)
    patterns = {pattern for name in services.names() for pattern in services.of(name).leaves}
    return sorted(path for pattern in patterns for path in _matching(layout, pattern))


def _matching(layout: Layout, pattern: str) -> list[str]:
    directory, name = os.path.split(pattern)
    try:
        there = os.listdir(layout.under(directory))
    except OSError:
        return []
    return [f"{directory}/{found}" for found in there if fnmatchcase(found, name)]


def remove_leavings(layout: Layout) -> list[str]:
    """Remove these files, and the directories of services as far as nothing is in them.

    :return: notes for the administrator.
    :raises ServiceError: when a file that defines a service is broken.
    """
    disk, notes = layout.disk(), []
    paths = leavings(layout)
    for path in paths:
        target = layout.under(path)
        try:
            above = disk.find(os.path.dirname(target))
            status = above.look(os.path.basename(target)) if above is not None else None
            if above is not None and status is not None and not stat.S_ISDIR(status.st_mode):
                above.remove_if_there(os.path.basename(target))
        except OSError as error:
            notes.append(f"{path} stays: {error.strerror}")
    remove_empty(layout, {*map(os.path.dirname, paths), *service_directories_of(layout)})
    return notes
