"""What the tests of the logs share: entries as journalctl prints them, and what is in a log."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from esmith.logs.copying import Copying, State

#: 29 November 2026, 12:00 UTC, in microseconds since 1970.
NOON = 1_795_953_600_000_000
UNITS = ("clamd.service", "spamd.service")


def as_value(text: bytes) -> object:
    """Return a text as journalctl has it in JSON: an array of bytes where one of it is not printable."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return list(text)
    return decoded if decoded.isprintable() else list(text)


def entry(number: int, text: object, unit: str = UNITS[0]) -> bytes:
    """Return an entry as a line of JSON; its cursor and its time are by its number."""
    found = {
        "__CURSOR": f"s=ab;i={number:x};b=cd;m=1;t=2;x=3",
        "__REALTIME_TIMESTAMP": str(NOON + number),
        "_SYSTEMD_UNIT": unit,
        "MESSAGE": text,
    }
    return json.dumps(found).encode() + b"\n"


class Logs:
    """The logs of two services, and the state of the copying, in a directory; one at a time."""

    _newest: ClassVar[Logs | None] = None

    def __init__(self, folder: Path) -> None:
        if Logs._newest is not None:
            Logs._newest.kill()
        Logs._newest = self
        self.folder = folder
        for name in ("home", *UNITS):
            (folder / name).mkdir(exist_ok=True)

    def kill(self) -> None:
        """Close what a copying has open here, as the kernel does for a process that is killed."""
        for name in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):
                if os.readlink(f"/proc/self/fd/{name}").startswith(f"{self.folder}/"):
                    os.close(int(name))

    def begin(self, *, keep: int = 10) -> Copying:
        """Begin to copy, as after the one before was killed."""
        self.kill()
        flags = os.O_RDONLY | os.O_DIRECTORY
        logs = {unit: (os.open(self.folder / unit, flags), keep) for unit in UNITS}
        return Copying(logs, State(os.open(self.folder / "home", flags)))

    def cursor(self) -> str:
        """Return the name of the entry after which the next one begins."""
        home = os.open(self.folder / "home", os.O_RDONLY | os.O_DIRECTORY)
        try:
            return State(home).cursor
        finally:
            os.close(home)

    def lines(self, unit: str = UNITS[0]) -> list[str]:
        """Return all lines of a log, oldest first."""
        names = sorted(path.name for path in (self.folder / unit).iterdir())
        return [line for name in names for line in self.read(name, unit).split("\n")[:-1]]

    def read(self, name: str = "current", unit: str = UNITS[0]) -> str:
        """Return what is in a file of a log."""
        return (self.folder / unit / name).read_bytes().decode()

    def texts(self, unit: str = UNITS[0]) -> list[str]:
        """Return all lines of a log without their stamps."""
        return [line[26:] for line in self.lines(unit)]


def entries(texts: Iterable[str], first: int = 0) -> list[bytes]:
    """Return an entry for each text."""
    return [entry(number, text) for number, text in enumerate(texts, first)]
