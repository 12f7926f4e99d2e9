"""Files with a sender and a recipient a line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.checks.own.file import File


def pairs(file: File) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not a sender, a tab and a recipient."""
    for number, line in file.entries():
        sender, tab, recipient = line.partition("\t")
        words = line.split()
        if len(words) != 2:
            yield number, f"{line!r} is not a sender, a tab and a recipient"
        elif not tab or (sender, recipient) != tuple(words):
            yield number, f"{words[0]} and {words[1]} are not separated by one tab"
        elif "@" not in sender or "@" not in recipient:
            yield number, f"{line!r} has an address without @"
