"""users/assign, as qmail-users(5) and qmail-newu(8) state it."""

from __future__ import annotations

import os

from esmith.checks.own.file import File, Findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Local part or its beginning, user, uid, gid, home, dash, extension; a colon ends each.
_COLONS = 7


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for users/assign; None for other files."""
    if os.path.basename(path) != "assign":
        return None
    return lambda file: Findings.of("qmail-newu", _faults(file))


def _faults(file: File) -> Iterator[tuple[int, str]]:
    lines = file.lines()
    for number, line in lines:
        if line == ".":
            for later, rest in lines[number:]:
                yield later, f"{rest!r} comes after the line that is only a dot"
            return
        yield from ((number, text) for text in _line(line))
    yield len(lines), "the last line is not a dot"


def _line(line: str) -> Iterator[str]:
    if line[:1] not in ("=", "+"):
        yield f"{line!r} begins neither with = nor with +"
        return
    fields = line[1:].split(":")
    if len(fields) != _COLONS + 1 or fields[-1]:
        yield f"{line!r} does not have seven fields, each ended by a colon"
        return
    local, user, uid, gid, home, _, _, _ = fields
    if not user or (line[0] == "=" and not local):
        yield f"{line!r} names no user"
    if not (uid.isascii() and uid.isdigit() and gid.isascii() and gid.isdigit()):
        yield f"{line!r} has a user or group number that is none"
    if not home.startswith("/"):
        yield f"{line!r} has a home that is no absolute path"
