"""What wakes the watcher: the interface, for inotify and for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from esmith.enums import Enum
from esmith.watch.places import Places


class Kind(Enum):
    """What happened."""

    #: A file was written, and is still open for writing.
    WRITING = "writing"
    #: A file or directory was closed after writing, made, renamed or removed, or its mode or owner were set.
    DONE = "done"
    #: Events were lost.
    LOST = "lost"
    #: The watcher is to end.
    STOP = "stop"


@dataclass(frozen=True)
class Notice:
    """One thing that happened.

    :param path: the file or directory, as a path of this disk; "" when that is not known.
    """

    kind: Kind
    path: str = ""


class Source(Protocol):
    """Reports what happens in directories."""

    def wait(self, timeout: float | None) -> list[Notice]:
        """Wait until something happens and return it.

        :param timeout: return nothing after so many seconds; None waits without a limit.
        """

    def watch(self, wanted: Places) -> tuple[bool, list[str]]:
        """Watch these directories and no others.

        :return: whether some are watched only from now on; and what cannot be watched, as messages.
        """

    def is_open(self, path: str) -> bool:
        """Return whether somebody has a file open for writing."""

    def close(self) -> None:
        """Watch nothing any more."""
