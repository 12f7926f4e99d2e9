"""Files that hold one value in one line."""

from __future__ import annotations

from esmith.names import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.checks.own.file import File


def integer(file: File, *, comments: bool = False, highest: int | None = None) -> Iterator[tuple[int, str]]:
    """Yield why a file does not hold just one whole number.

    :param comments: whether its reader skips comments and empty lines.
    :param highest: the highest number that is allowed.
    """
    for number, text in _value(file, comments=comments):
        if not (text.isascii() and text.isdigit()):
            yield number, f"{text!r} is no whole number"
        elif highest is not None and not (is_number(text) and int(text) <= highest):
            yield number, f"{text} is higher than {highest}"
    yield from _rest(file, comments=comments)


def text(file: File, *, blanks: bool) -> Iterator[tuple[int, str]]:
    """Yield why a file does not hold just one line of text.

    :param blanks: whether there may be blanks in it.
    """
    for number, value in _value(file, comments=False):
        if not value.isprintable() or (not blanks and any(map(str.isspace, value))):
            yield number, f"{value!r} has a sign in it that does not belong there"
    yield from _rest(file, comments=False)


def _lines(file: File, *, comments: bool) -> list[tuple[int, str]]:
    return list(file.entries()) if comments else [(number, line.rstrip(" \t")) for number, line in file.lines()]


def _value(file: File, *, comments: bool) -> list[tuple[int, str]]:
    lines = _lines(file, comments=comments)[:1]
    # An empty file is like none: the reader has a default.
    return [(number, line) for number, line in lines if line]


def _rest(file: File, *, comments: bool) -> Iterator[tuple[int, str]]:
    lines = _lines(file, comments=comments)
    if lines and not lines[0][1]:
        yield lines[0][0], "the first line is empty, and no other one is read"
        return
    for number, line in lines[1:]:
        if line:
            yield number, f"only the first line is read, not {line!r}"
