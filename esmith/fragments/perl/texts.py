"""The bytes that perl gives and prints, as texts."""

from __future__ import annotations

from esmith.names import shorten
from esmith.store.limits import control_character

#: How much of a line of a message is shown, and how much of what a fragment gives.
_SHOWN_LENGTH = 500
_SHOWN_CHARACTERS = 60


def text_lines(data: bytes) -> list[str]:
    """Return the lines of what perl printed that are not empty, without control characters."""
    lines = data.decode("utf-8", "backslashreplace").splitlines()
    return [_shown(shorten(line.strip(), _SHOWN_LENGTH)) for line in lines if line.strip()]


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def not_utf8(data: bytes) -> str:
    """Return the line with the first bytes that are not UTF-8, these as in Perl."""
    lines = (line.decode("utf-8", "backslashreplace") for line in data.splitlines() if not is_utf8(line))
    return repr(next(lines, "").strip()[:_SHOWN_CHARACTERS]).replace("\\\\x", "\\x")


def _shown(line: str) -> str:
    return line if control_character(line) is None else line.encode("unicode_escape").decode("ascii")


def text_of(field: bytes | None) -> str:
    """Return the text of a field of a message."""
    return (field or b"").decode("utf-8", "surrogateescape")
