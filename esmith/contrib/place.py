"""The tree of a contrib beside the root it would be copied to, and what is found in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.names import is_leftover

#: It does not work here.
FAILS = "fails"
#: It works, and differs from the original, or needs a look.
NOTE = "note"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to know of a contrib.

    :param path: the file, as an absolute path of the configured system.
    :param line: where in it; 0 when it is about the whole file.
    :param kind: :data:`FAILS` or :data:`NOTE`.
    :param message: what it is, and what to do.
    """

    path: str
    line: int
    kind: str
    message: str

    @property
    def text(self) -> str:
        """Place and message."""
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class Contrib:
    """The tree of a contrib.

    :param directory: the contrib: its sources with a folder ``root``, or the folder whose ``etc/e-smith`` is copied.
    :param layout: the root it would be copied to.
    :raises UsageError: when there is no such tree.
    """

    def __init__(self, directory: str, layout: Layout) -> None:
        candidates = [os.path.join(directory, "root"), directory]
        base = next((one for one in candidates if os.path.isdir(os.path.join(one, "etc/e-smith"))), None)
        if base is None:
            raise UsageError(
                f"{directory!r} has no etc/e-smith, and no root/etc/e-smith",
                hint="name the folder of a contrib's sources",
            )
        #: Its sources.
        self.directory = directory
        #: Where it would be copied to.
        self.here = layout
        #: Its own tree, as if it were a root.
        self.own = Layout(base)
        self.findings: list[Finding] = []
        #: The files that certainly fail, each with the first reason.
        self.faults: dict[str, Finding] = {}

    def fails(self, path: str, message: str, line: int = 0, *, certain: bool = True) -> None:
        """Note something that does not work.

        :param certain: whether the whole file fails because of it, if it is run.
        """
        finding = Finding(path, line, FAILS, message)
        self._add(finding)
        if certain:
            self.faults.setdefault(path, finding)

    def note(self, path: str, message: str, line: int = 0) -> None:
        """Note something to look at."""
        self._add(Finding(path, line, NOTE, message))

    def fails_of(self, error: EsmithError, path: str) -> None:
        """Note an error; its place is the file, with a line or without, when that is of the contrib."""
        place, _, line = error.place.rpartition(":")
        if not (place and line.isdecimal()):
            place, line = error.place, "0"
        inside = self.own.inside(place) if place.startswith(self.own.root) else path
        self.fails(inside, error.message.replace(f"{self.own.root}/", "/"), int(line))

    def files(self, directory: str) -> Iterator[str]:
        """Yield the files and links below a directory, as paths of the configured system, sorted; no leftovers."""
        for place, _, names in sorted(os.walk(self.own.under(directory))):
            for name in sorted(names):
                if not is_leftover(name):
                    yield self.own.inside(os.path.join(place, name))

    def read(self, path: str) -> bytes:
        """Return what one of its files holds; nothing, with a finding, when it cannot be read."""
        try:
            with open(self.own.under(path), "rb") as file:
                return file.read()
        except OSError as error:
            self.fails(path, f"cannot be read: {error.strerror}")
            return b""

    def is_file(self, path: str) -> bool:
        """Return whether one of its paths is a regular file, or leads to one of its own."""
        return os.path.isfile(self.own.under(path))

    def exists(self, path: str) -> bool:
        """Return whether a path exists once it is copied: in the contrib, under the root or on the machine."""
        return os.path.exists(self.own.under(path)) or os.path.exists(self.here.under(path)) or os.path.exists(path)

    def _add(self, finding: Finding) -> None:
        if finding not in self.findings:
            self.findings.append(finding)
