"""The last lines that a daemon wrote into its log, for messages: few, printable, and without passwords.

Loggers of service directories keep ``/var/log/NAME/current``, each line after a TAI64N stamp (multilog(8), svlogd(8));
units of systemd write to the journal (journalctl(1)).
"""

from __future__ import annotations

import os
import re
import stat

from esmith.errors import ServiceError
from esmith.expressions import expression
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.services.service import Service

#: How many lines a message shows, and how much of each, in characters.
LINES = 5
_SHOWN = 300
_READ_BYTES = 64 * 1024
_JOURNAL_SECONDS = 5.0
_STAMP = expression(r"@([0-9a-f]{16})[0-9a-f]{8} ")
#: TAI64 counts from 2^62, and TAI was 10 s ahead of UTC in 1970; leap seconds are not counted, as by these loggers.
_TAI64 = (1 << 62) + 10
#: What a logger stamps may be this much older than what asked for it, in seconds.
_SLACK = 2.0
_SECRET = expression(
    r"""(
        \bAUTH\s+(?:PLAIN|LOGIN)\s+
      | ://[^\s:/@]*:(?=[^\s@]*@)
      | \b(?:pass(?:word|wd|phrase)?|secret|token|credentials?)\b["']?\s*[=:]\s*["']?
    )[^\s"'@]+""",
    re.IGNORECASE | re.VERBOSE,
)


def last_lines(layout: Layout, service: Service, supervisor: str, *, since: float, limit: int = LINES) -> list[str]:
    """Return the last lines of the log of a service, oldest first; none where it cannot be read.

    :param supervisor: the name of its supervisor, which decides where the log is.
    :param since: lines of before this time are left out, in seconds since 1970; a line without a time counts.
    :param limit: how many lines at most.
    """
    if supervisor == "systemd":
        found = _journal(service.unit or service.name, since)
    else:
        found = _current(layout.under(f"/var/log/{service.name}/current"), since)
    return [shown(line) for line in found if line.strip()][-limit:]


def shown(line: str) -> str:
    """Return a line of a log as a message shows it: printable, not too long, and what may be a password as ``***``."""
    return _SECRET.sub(r"\1***", printable(line.strip(), keep="\t"))[:_SHOWN]


def _current(path: str, since: float) -> list[str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return []
        file.seek(max(0, status.st_size - _READ_BYTES))
        text = file.read(_READ_BYTES).decode("utf-8", "replace")
    found = []
    for line in text.split("\n"):
        stamp = _STAMP.match(line)
        if stamp is None:
            found.append(line)
        elif int(stamp[1], 16) - _TAI64 >= since - _SLACK:
            found.append(line[stamp.end() :])
    return found


def _journal(unit: str, since: float) -> list[str]:
    from esmith.services.program import run_for_text

    argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--since=@{max(0, since - _SLACK):.0f}"]
    try:
        code, text = run_for_text(
            [*argv, "--lines=200", f"--unit={unit}"], package="systemd", timeout=_JOURNAL_SECONDS, place=f"unit {unit}"
        )
    except ServiceError:
        return []
    return text.splitlines() if code == 0 else []
