"""Cures for the root that a command was given: each command that a message shows gets its ``--root``.

Messages are written below the commands, where nobody knows how a command was called: ``run: esmith recover`` would work
on another root than the one that ``--root`` named. A root of the environment's ESMITH_ROOT is left to the environment.
"""

from __future__ import annotations

import re

#: Where a message shows a command it stands alone on a line, after a colon up to the end, or in quotes
#: (tests/test_cures.py).
_COMMAND = re.compile(
    r"((?:(?<!\w)['`]|^[ \t]+|: )(?:/\S*/)?(?:config|db|esmith|expand-template|qpsmtpd-print-dns|signal-event))"
    r"(?= [^ \n])(?!(?: --[\w-]+)* --root\b)",
    re.MULTILINE,
)
#: What means something to the shell. It gets a backslash: the command may stand in quotes.
_SPECIAL = re.compile(r"([^\w@%+=:,./-])")
#: What is named after these is a command that was called.
_CALLED = ("confirmed: ", "running now: ")


def with_root(text: str, root: str) -> str:
    """Return a message in which each of our commands that it shows is for a root.

    :param root: as it was given; "" leaves the message as it is.
    """
    if not root or text.startswith(_CALLED):
        return text
    option = " --root " + _SPECIAL.sub(r"\\\1", root)
    return _COMMAND.sub(lambda found: found[0] + option, text)


def line_with_root(line: str, root: str) -> str:
    """Return a command that stands alone, for a root as :func:`with_root` does it."""
    return with_root(f" {line}", root)[1:]
