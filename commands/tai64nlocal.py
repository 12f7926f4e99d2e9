"""``tai64nlocal``: shows the time stamps of a log as local time, as the program of daemontools does.

The logs that ``svlogd`` and ``multilog`` write begin each line with a TAI64N stamp, ``@`` and 24 hexadecimal digits
(https://cr.yp.to/daemontools/tai64nlocal.html). Lines without one stay as they are. It needs nothing but standard
input, so ``tail -f /var/log/qpsmtpd/current | tai64nlocal`` works also where the package daemontools is not installed.
"""

from __future__ import annotations

import re
import sys
import time
from typing import NoReturn

import click

from esmith.cli.program import run_click

#: 2 to the power of 62 is the second that began 1970 (https://cr.yp.to/libtai/tai64.html); 10 seconds were ahead then,
#: and a stamp does not count those that were put in since.
_EPOCH = 2**62 + 10
_STAMP = re.compile(rb"@([0-9a-f]{16})([0-9a-f]{8})")
#: Beyond this localtime(3) may refuse: some 60,000 years.
_LAST_SECOND = 2**41


def shown(line: bytes) -> bytes:
    """Return a line with its time stamp as local time, ``2026-11-29 12:00:00.000000000``; any other line as it is."""
    found = _STAMP.match(line)
    if not found:
        return line
    seconds, nanoseconds = int(found[1], 16) - _EPOCH, int(found[2], 16)
    if not 0 <= seconds < _LAST_SECOND:
        return line
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{text}.{nanoseconds:09d}".encode() + line[found.end() :]


@click.command("tai64nlocal")
def command() -> int:
    """Show the time stamps of a log on standard input as local time, a line as soon as it is there.

    \b
    Example:
      tail -f /var/log/qpsmtpd/current | tai64nlocal
    """
    try:
        for line in iter(sys.stdin.buffer.readline, b""):
            sys.stdout.buffer.write(shown(line))
            sys.stdout.buffer.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        # The reader has what it wanted, or tail -f was stopped.
        sys.stdout = None
    return 0


def main() -> NoReturn:
    """Run the command on the arguments of this process."""
    run_click(command, "tai64nlocal")


if __name__ == "__main__":
    main()
