"""Copying entries of the journal into logs, each once, also where this ends at any moment.

How far it has come is in a file: the name of the last entry, and how long each log was then. The logs are durable
before that is. What is in a log behind that place was written by entries that come again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from esmith.logs.entries import is_cursor, read_entry
from esmith.logs.files import LogFile, Mark

#: The file that says how far this has come, in the home of the owner of the logs.
STATE = "journal"
_NEW = ".journal.new"
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_STATE_BYTES = 1_000_000


class State:
    """How far the copying has come.

    :param directory: a descriptor of the directory that its file is in.
    """

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self.cursor = ""
        self.marks: dict[str, Mark] = {}
        try:
            file = os.open(STATE, os.O_RDONLY | _FLAGS, dir_fd=directory)
        except OSError:
            return
        with open(file, "rb") as opened:
            self._read(opened.read(_STATE_BYTES))

    def write(self) -> None:
        """Replace the file.

        :raises OSError: when that is not possible.
        """
        file = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o644, dir_fd=self._directory)
        with open(file, "w", encoding="utf-8") as opened:
            json.dump({"cursor": self.cursor, "marks": self.marks}, opened)
            opened.flush()
            os.fsync(file)
        os.rename(_NEW, STATE, src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def _read(self, content: bytes) -> None:
        try:
            found = json.loads(content)
            cursor, marks = found["cursor"], {name: (int(one), int(two)) for name, (one, two) in found["marks"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if cursor == "" or is_cursor(cursor):
            self.cursor, self.marks = cursor, marks


class Copying:
    """Writes entries into the logs of their units.

    :param logs: a descriptor of the directory of each log, and how many older files it keeps, by the name of the unit.
    :param state: how far it has come.
    :raises OSError: when a log cannot be opened.
    """

    def __init__(self, logs: Mapping[str, tuple[int, int]], state: State) -> None:
        self._state = state
        self._logs = {
            unit: LogFile(directory, keep=keep, mark=state.marks.get(unit)) for unit, (directory, keep) in logs.items()
        }
        self._cursor = state.cursor
        self._changed: set[str] = set()
        self._begun = b""
        # Where the first entries begin, before one of them is written.
        self.save()

    @property
    def is_saved(self) -> bool:
        """Whether it is written down how far this has come."""
        return self._cursor == self._state.cursor

    def take(self, data: bytes) -> None:
        """Copy what journalctl has printed; the begin of a line waits for its end.

        :raises OSError: when a log cannot be written.
        """
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            entry = read_entry(line)
            if entry is None:
                continue
            log = self._logs.get(entry.unit)
            if log is not None and entry.text:
                if log.is_full(entry.text):
                    # What is behind the mark is always in the newest file.
                    self.save()
                    log.rotate()
                log.write(entry.text)
                self._changed.add(entry.unit)
            self._cursor = entry.cursor

    def save(self) -> None:
        """Make the logs durable, and write down how far this has come.

        :raises OSError: when that is not possible.
        """
        for unit in self._changed:
            self._logs[unit].sync()
        self._changed.clear()
        self._state.cursor = self._cursor
        self._state.marks = {unit: log.mark for unit, log in self._logs.items()}
        self._state.write()

    def close(self) -> None:
        """End it.

        :raises OSError: when something cannot be made durable.
        """
        try:
            self.save()
        finally:
            for log in self._logs.values():
                log.complete()
