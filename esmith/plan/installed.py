"""What the engine remembers of the outputs it installed."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.store.table import DamagedRowError, StateTable, is_path, is_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

_DIGEST_CHARACTERS = 64


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
        """Return what a row of the table says.

        What it was made of is not looked at here: it is much, and only needed where the output is planned.

        :raises DamagedRowError: when it is damaged.
        """
        first, _, inputs = row.partition(b"\n")
        parts = first.split(b" ", 2)
        if len(parts) != 3 or not (_is_digest(parts[0]) and _is_mark(parts[1])):
            raise DamagedRowError("is not a row of an output")
        digest, mark, template = parts
        text = template.decode("utf-8", "surrogateescape")
        if not is_text(text):
            raise DamagedRowError("is not a row of an output")
        return cls(digest.decode(), mark.decode(), text, inputs.decode("utf-8", "surrogateescape"))

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


#: The engine's table of what it installed: path of the output -> :class:`Installed`.
OUTPUTS = StateTable(
    "outputs",
    Installed.decode,
    Installed.encode,
    lambda path: f"what was installed as {path} is not known, so a change by hand is not noticed until the next event",
    lambda path, _: is_path(path),
)


def _is_digest(text: bytes) -> bool:
    return not text or (len(text) == _DIGEST_CHARACTERS and not text.strip(b"0123456789abcdef"))


def _is_mark(text: bytes) -> bool:
    return not text or (text.count(b"-") == 2 and all(map(bytes.isdigit, text.split(b"-"))))


def digest_of(content: bytes) -> str:
    """Return the digest of a content."""
    from esmith.digests import sha256

    return sha256(content).hexdigest()


def fingerprint_of(status: os.stat_result) -> str:
    """Return what changes when a file is written."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
