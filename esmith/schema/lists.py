"""Lists kept in one value."""

from __future__ import annotations

import re

from esmith.expressions import expression

_HOST = expression(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\.?")


def entries(value: str) -> list[str]:
    """Return the entries of a list, as the block lists of qpsmtpd are written (docs/original.md).

    A comma always separates. A colon does only where a host name follows, because since SME 9.2 it also introduces a
    bit mask (``multi.surbl.org:8-16``) or a message (``zone.example:Blocked - see ...``).
    """
    found: list[str] = []
    for part in value.split(","):
        names = part.split(":")
        entry = names[0]
        for name in names[1:]:
            if _HOST.fullmatch(name.strip()) and not re.fullmatch(r"[0-9.]+", name.strip()):
                found.append(entry)
                entry = name
            else:
                entry = f"{entry}:{name}"
        found.append(entry)
    return [entry.strip() for entry in found if entry.strip()]


def zone_of(entry: str) -> str:
    """Return the zone of an entry of a block list: without its bit mask or message, in lower case."""
    return entry.partition(":")[0].strip().rstrip(".").lower()
