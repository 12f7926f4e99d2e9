"""The log of what events do: syslog on the machine itself, a file under any other root."""

from __future__ import annotations

import os
import syslog
import time

from esmith.directories import make_directory, open_file
from esmith.layout import Layout

#: It holds what actions print.
_MODE = 0o640


class EventLog:
    """Writes one line at a time; logging never makes an event fail.

    The facility is the original's, local1 (cli-contract section 5).

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._path = "" if layout.is_machine else layout.log
        if not self._path:
            syslog.openlog("esmith", syslog.LOG_PID, syslog.LOG_LOCAL1)

    def write(self, text: str) -> None:
        """Log a text; one of several lines becomes several entries."""
        for line in text.splitlines() or [""]:
            if not self._path:
                syslog.syslog(syslog.LOG_INFO, line.replace("\0", "?"))
                continue
            try:
                make_directory(os.path.dirname(self._path))
                descriptor = open_file(self._path, os.O_WRONLY | os.O_APPEND, _MODE)
                with open(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} esmith[{os.getpid()}]: {line}\n")
            except OSError:
                return


class SilentLog(EventLog):
    """The log of what is only tried: it keeps nothing."""

    def write(self, text: str) -> None:
        """Log nothing."""
