"""What the engine remembers of the outputs it installed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

#: The engine's table of what it installed: path of the output -> :class:`Installed`.
TABLE = "outputs"


@dataclass(frozen=True)
class Installed:
    """A file or link as it was installed.

    :param digest: SHA-256 of the content or of the link's target, in hexadecimal; "" when it was to be absent.
    :param mark: size, modification time and inode: while they are the same, so is the content.
    :param template: the path of its template.
    :param inputs: what it was made of; see :mod:`esmith.plan.memory`.
    """

    digest: str
    mark: str
    template: str
    inputs: str = ""

    @classmethod
    def decode(cls, row: bytes) -> Installed:
        """Return what a row of the table says."""
        first, _, inputs = row.decode("utf-8", "surrogateescape").partition("\n")
        digest, mark, template = first.split(" ", 2)
        return cls(digest, mark, template, inputs)

    def encode(self) -> bytes:
        """Return the row of the table."""
        return f"{self.digest} {self.mark} {self.template}\n{self.inputs}".encode("utf-8", "surrogateescape")

    @property
    def is_absent(self) -> bool:
        """Whether there was to be no such file."""
        return not self.digest

    def is_untouched(self, status: os.stat_result) -> bool:
        """Return whether a file is the one that was installed: same size, time and inode."""
        return self.mark == fingerprint_of(status)

    def may_be_untouched(self, status: os.stat_result) -> bool:
        """Return whether a file has the size and time of the one that was installed: it may be a copy of it."""
        return self.mark.rpartition("-")[0] == fingerprint_of(status).rpartition("-")[0]


def digest_of(content: bytes) -> str:
    """Return the digest of a content."""
    return hashlib.sha256(content).hexdigest()


def fingerprint_of(status: os.stat_result) -> str:
    """Return what changes when a file is written."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
