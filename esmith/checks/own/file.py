"""What a check of the engine's own looks at, and what it finds."""

from __future__ import annotations

from esmith.fields import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.checks.staged import StagedTree


@dataclass(frozen=True)
class File:
    """A file to be checked.

    :param path: where it is, as the configured system knows it.
    :param content: what is in it.
    :param tree: the tree it is in, for rules that look at other files.
    """

    path: str
    content: bytes
    tree: StagedTree

    def lines(self) -> list[tuple[int, str]]:
        """Return its lines with their numbers, from 1. Bytes that are no UTF-8 become surrogates."""
        return list(enumerate(_split(self.content), 1))

    def entries(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that count, trimmed: not empty, and no comments, which begin with ``#``."""
        for number, line in self.lines():
            text = line.strip(" \t")
            if text and not text.startswith("#"):
                yield number, text


@dataclass(frozen=True)
class Findings:
    """What a rule finds.

    :param reader: the program that reads the file.
    :param faults: the numbers of lines, 0 for the whole file, and what is wrong with them.
    :param unknown: what could not be checked, and why; "" when all was.
    """

    reader: str
    faults: list[tuple[int, str]] = field(default_factory=list)
    unknown: str = ""

    @classmethod
    def of(cls, reader: str, faults: Iterable[tuple[int, str]]) -> Findings:
        """Return findings that consist of faults."""
        return cls(reader, list(faults))


def entries(content: bytes) -> list[str]:
    """Return the lines of a file that count, trimmed."""
    lines = (line.strip(" \t") for line in _split(content))
    return [line for line in lines if line and not line.startswith("#")]


def _split(content: bytes) -> list[str]:
    """Return lines as programs in C see them: only a newline ends one."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
