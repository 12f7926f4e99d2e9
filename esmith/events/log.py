"""The log of what events do: syslog on the machine itself, a file under any other root."""

from __future__ import annotations

import os
import time

from esmith.contexts import suppress
from esmith.directories import make_directory, open_file
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.layout import Layout

#: Before each line that an action printed.
OUTPUT_MARK = "| "
#: Before each piece but the first of an entry that was too long.
CUT_MARK = "+ "
#: In bytes. RFC 3164 allows 1,024 with the time, the name of the host and that of the program.
_LONGEST = 900
#: What the entries of syslog begin with.
_IDENTIFIER = "esmith"
#: How a message of several lines goes on: with its hint (:class:`esmith.errors.EsmithError`).
_CONTINUED = "\n  "

#: It holds what actions print.
_MODE = 0o640


class EventLog:
    """Writes an entry at a time; logging never makes an event fail.

    The facility is the original's, local1 (docs/original.md#events).

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        import syslog

        self._path = "" if layout.is_machine else layout.log
        if not self._path:
            syslog.openlog(_IDENTIFIER, syslog.LOG_PID, syslog.LOG_LOCAL1)

    @property
    def place(self) -> str:
        """Where it can be read: a file, or the command that shows it."""
        return self._path or f"journalctl -t {_IDENTIFIER}"

    def write(self, text: str) -> None:
        """Log one entry. What is not printable in it is shown by its code, so no name or argument begins another."""
        self.write_all([text])

    def write_all(self, texts: Iterable[str]) -> None:
        """Log several entries, each as :meth:`write` does."""
        self._put(printable(text.replace(_CONTINUED, " - ")) for text in texts)

    def write_output(self, text: str) -> None:
        """Log what a program printed, an entry for each line; the mark sets them apart from entries of the engine."""
        self._put(OUTPUT_MARK + printable(line, keep="\t") for line in text.splitlines())

    def _put(self, entries: Iterable[str]) -> None:
        import syslog

        lines = [line for entry in entries for line in _pieces(entry)]
        if not lines:
            return
        if not self._path:
            for line in lines:
                syslog.syslog(syslog.LOG_INFO, line)
            return
        # What others log meanwhile may stand between two lines, and not in one.
        with suppress(OSError):
            make_directory(os.path.dirname(self._path))
            descriptor = open_file(self._path, os.O_WRONLY | os.O_APPEND, _MODE)
            with open(descriptor, "a", encoding="utf-8", buffering=1) as file:
                for line in lines:
                    file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} esmith[{os.getpid()}]: {line}\n")


class SilentLog(EventLog):
    """The log of what is only tried: it keeps nothing."""

    def write(self, text: str) -> None:
        """Log nothing."""

    def write_all(self, texts: Iterable[str]) -> None:
        """Log nothing."""

    def write_output(self, text: str) -> None:
        """Log nothing."""


def _pieces(entry: str) -> Iterator[str]:
    """Yield an entry in pieces that every syslog takes, cut between characters; the later ones with a mark."""
    data = entry.encode()
    while len(data) > _LONGEST:
        end = _LONGEST
        while data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[:end].decode()
        data = CUT_MARK.encode() + data[end:]
    yield data.decode()
