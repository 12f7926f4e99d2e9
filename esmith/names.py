"""Names and nouns in messages, and the names of files that do not count."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

_LEFTOVER_ENDINGS = ("~", ".swp", ".swo", ".swx", ".orig", ".rpmsave", ".rpmnew", ".rpmorig")
#: So many digits fit into a signed number of 64 bits; int() refuses more than 4,300 (sys.int_info).
_DIGITS = 18
#: How much of two names must be alike (the ratio of difflib.SequenceMatcher) for one to be a slip of the other.
_CLOSE = 0.75
_LEFTOVER_PARTS = (".dpkg-",)
_MARKS = "*?["
#: Our own temporary files begin so (:mod:`esmith.temporary`); what a daemon reads as a whole skips names with a dot.
TEMPORARY_PREFIX = ".esmith-"


class Known:
    """Names that are known, ready for :func:`nearest`: of each record that is imported it is asked what it is close to.

    :param names: the names.
    """

    __slots__ = ("letters", "lower", "names", "shortest")

    def __init__(self, names: Iterable[str]) -> None:
        #: The names, each with its length, and its bytes where it is ASCII.
        self.names = [(name, len(name), name.encode() if name.isascii() else b"") for name in names]
        self.lower: dict[str, list[str]] = {}
        for name, *_ in self.names:
            self.lower.setdefault(name.lower(), []).append(name)
        self.shortest = min((length for _, length, _ in self.names), default=0)
        #: All letters of the names; none where a name is not ASCII.
        every = "".join(name for name, *_ in self.names)
        self.letters = every.encode() if every.isascii() else b""


def nearest(name: str, known: Iterable[str] | Known) -> str | None:
    """Return the known name that looks most like ``name``, None when none is close.

    Letters that differ only in case count as equal first: the names of SME Server mix them freely.
    """
    ready = known if isinstance(known, Known) else Known(known)
    for candidate in ready.lower.get(name.lower(), ()):
        if candidate != name:
            return candidate
    # Of a longer or a shorter name not enough can be alike: 2 * the shorter length is the most, of both lengths.
    size = len(name)
    least, most = size * _CLOSE / (2 - _CLOSE), size * (2 - _CLOSE) / _CLOSE
    ours = name.encode() if name.isascii() else b""
    possible: list[str] = []
    if ours and ready.letters:
        # Those that are in any name: a number is in none, and so most names of an import are close to none.
        shared = size - len(ours.translate(None, ready.letters))
        if 2 * shared < _CLOSE * (size + max(least, ready.shortest)):
            return None
    for candidate, length, theirs in ready.names:
        if not least <= length <= most or candidate == name:
            continue
        # Those of ours that are in the other one at all, however often: no fewer than those that are in both.
        if ours and theirs and 2 * (size - len(ours.translate(None, theirs))) < _CLOSE * (size + length):
            continue
        if _may_be_close(name, candidate):
            possible.append(candidate)
    if not possible:
        return None
    from difflib import get_close_matches

    close = get_close_matches(name, possible, n=1, cutoff=_CLOSE)
    return close[0] if close else None


def _may_be_close(name: str, other: str) -> bool:
    """Return whether enough letters are in both; :mod:`difflib` comes to the same bound, but slowly."""
    both = len(name) + len(other)
    return 2 * sum(min(name.count(letter), other.count(letter)) for letter in set(other)) >= _CLOSE * both


def is_leftover(name: str) -> bool:
    """Return whether an editor, a package manager or a killed command left this file.

    It is never a fragment, an action, a schema file or a service. The list is in docs/fragments.md#order.
    """
    if is_temporary(name):
        return True
    if name.startswith(".#") or len(name) > 1 and name[0] == name[-1] == "#":
        return True
    return name.endswith(_LEFTOVER_ENDINGS) or any(part in name for part in _LEFTOVER_PARTS)


def is_temporary(name: str) -> bool:
    """Return whether it is the name of a temporary file of ours."""
    return name.startswith(TEMPORARY_PREFIX)


def leads_to_directory(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a directory or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def leads_to_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a regular file or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def without_line(place: str) -> str:
    """Return the place of an error without the line."""
    file, _, line = place.rpartition(":")
    return file if file and line.isdecimal() else place


def shorten(text: str, length: int = 60) -> str:
    """Return the text, cut with an ellipsis where it is too long for a message."""
    return text if len(text) <= length else text[: length - 3] + "..."


def is_number(text: str) -> bool:
    """Return whether a text is a whole number that fits into 64 bits: ASCII digits, and not too many for ``int``."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_dns(name: str) -> str:
    """Return the name that DNS has for one with other letters than a to z (RFC 3490), "" where there is none."""
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return ""


def is_pattern(text: str) -> bool:
    """Return whether a text has a mark of a shell pattern in it (glob(7))."""
    return any(mark in text for mark in _MARKS)


def path_matches(path: str, pattern: str) -> bool:
    """Return whether a path matches a shell pattern, in which ``*`` stands for one name or a part of it."""
    names, parts = path.split("/"), pattern.split("/")
    if len(names) != len(parts):
        return False
    patterns = []
    for name, part in zip(names, parts, strict=True):
        if is_pattern(part):
            patterns.append((name, part))
        elif name != part:
            return False
    # Most paths differ in a plain name.
    return all(fits(name, part) for name, part in patterns)


def fits(name: str, pattern: str) -> bool:
    """Return whether a name matches a shell pattern, as :func:`fnmatch.fnmatchcase` has it.

    That makes an expression of each pattern, which takes longer than most names take to compare.
    """
    if "?" in pattern or "[" in pattern:
        from fnmatch import fnmatchcase

        return fnmatchcase(name, pattern)
    begin, *parts = pattern.split("*")
    if not parts:
        return name == pattern
    last = parts.pop()
    at, end = len(begin), len(name) - len(last)
    if at > end or not (name.startswith(begin) and name.endswith(last)):
        return False
    for part in parts:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
