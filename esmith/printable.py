r"""Text of others, made safe for a log, the journal and a terminal.

A name, an argument or what a program printed may hold characters that move the cursor, change the order of what a
terminal shows, or begin a line that looks like one of ours. Each character that is not printable (Unicode's control,
format, surrogate, private and unassigned characters, and separators other than a space) is shown as in Python:
``\n``, ``\x1b``, ``\u202e``. A byte that is not UTF-8 (a surrogate of PEP 383) is shown as ``\x9b``.

Nothing here imports a module, because every command pays for it.
"""

from __future__ import annotations

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: What means nothing to a shell anywhere in a word (POSIX.1-2017, 2.2).
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


def printable(text: str, *, keep: str = "") -> str:
    """Return a text in which every character that is not printable is shown by its code.

    :param keep: characters that stay as they are, e.g. a tab. Without them the text is one line.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _code(char) for char in text)


def printable_message(text: str) -> str:
    """Return a message of one or several lines, each made printable, and each after the first indented.

    So a newline in a name cannot begin what looks like another message.
    """
    if text.isprintable():
        return text
    first, *others = (printable(line, keep="\t") for line in text.split("\n"))
    return "\n".join([first, *(line if line.startswith(" ") or not line else f"  {line}" for line in others)])


def shell_word(text: str) -> str:
    """Return a text as one word of a command that is shown to be pasted: as :func:`shlex.quote` does.

    Whatever stands in such a command and is not our own goes through this, also where no rule lets it be odd.
    """
    return text if text and _PLAIN.issuperset(text) else "'" + text.replace("'", "'\"'\"'") + "'"


def _code(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shown_time(seconds: float) -> str:
    """Return a moment as local date and time.

    :param seconds: since 1970.
    """
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
