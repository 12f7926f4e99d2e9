"""Entries of the journal, as ``journalctl --output=json`` prints them, and the lines of a log that they become."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from esmith.printable import printable

#: What names an entry (sd_journal_get_cursor(3)). systemd may have other keys one day, so only the form is looked at.
_CURSOR = re.compile(r"[a-z]=[0-9a-f]+(;[a-z]=[0-9a-f]+)+")
#: TAI64 counts from 2^62, and TAI was 10 s ahead of UTC in 1970 (https://cr.yp.to/libtai/tai64.html); leap seconds are
#: not counted, as by svlogd and multilog.
_TAI64 = (1 << 62) + 10
_MICROSECONDS = re.compile(r"[0-9]{1,18}")


class Entry(NamedTuple):
    """What one entry is for a log.

    :param cursor: what names it.
    :param unit: the unit that wrote it, as ``clamd.service``.
    :param text: its lines, each with its time stamp before it and a newline at its end.
    """

    cursor: str
    unit: str
    text: bytes


def is_cursor(text: object) -> bool:
    """Return whether a text can be the name of an entry."""
    return isinstance(text, str) and _CURSOR.fullmatch(text) is not None


def read_entry(line: bytes) -> Entry | None:
    """Return an entry of the journal; None for a line that is none.

    :param line: an object of JSON (journalctl(1), ``json``): a value is a text, an array of bytes where it has
        characters that are not printable, null where it is too long, or an array of these.
    """
    try:
        found: dict[str, Any] = json.loads(line)
        cursor, unit, time = (found[key] for key in ("__CURSOR", "_SYSTEMD_UNIT", "__REALTIME_TIMESTAMP"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (is_cursor(cursor) and isinstance(unit, str) and isinstance(time, str) and _MICROSECONDS.fullmatch(time)):
        return None
    stamp = tai64n(int(time))
    # What begins a line is always our stamp, and nothing in it moves the cursor of a terminal over that.
    lines = [printable(part, keep="\t") for text in _texts(found.get("MESSAGE")) for part in text.split("\n")]
    return Entry(cursor, unit, b"".join(b"%s %s\n" % (stamp, line.encode()) for line in lines))


def tai64n(microseconds: int) -> bytes:
    """Return a time as ``@`` and 24 hexadecimal digits.

    :param microseconds: since the begin of 1970, without leap seconds.
    """
    seconds, rest = divmod(microseconds, 1_000_000)
    return b"@%016x%08x" % (_TAI64 + seconds, rest * 1000)


def _texts(value: object) -> list[str]:
    """Return the texts of a field, with a byte that is not UTF-8 as a surrogate of PEP 383."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return [bytes(value).decode("utf-8", "surrogateescape")]
    return [text for one in value if isinstance(one, (str, list)) for text in _texts(one)]
