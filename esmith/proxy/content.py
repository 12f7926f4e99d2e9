"""The content of one mail, as it came from the client: lines that end in CR LF, with their leading dots doubled.

It goes to the provider in the same form (RFC 5321, 4.5.2), so nothing is made of its lines: a mail takes about
as many bytes of memory as it is long, however short its lines are.
"""

from __future__ import annotations

from collections.abc import Iterator

from esmith.proxy.reply import NO_MEMORY, TOO_LONG, Reply

_LINE_END = b"\r\n"
_END = b"\r\n.\r\n"
_PIECE_BYTES = 1 << 16
_BARE = Reply(554, b"5.6.0 a line has a CR or an LF alone, which RFC 5321 forbids")


class Memory:
    """What the mails of all clients may take of the memory, together.

    :param limit: how much, in bytes.
    """

    __slots__ = ("_free",)

    def __init__(self, limit: int) -> None:
        self._free = limit

    def has(self, size: int) -> bool:
        """Return whether so many bytes are free."""
        return size <= self._free

    def take(self, size: int) -> None:
        """Take so many bytes; a negative number gives some back."""
        self._free -= size


class Content:
    """What a client sends after DATA, taken block by block. The caller calls :meth:`release` when he is done with it.

    :param largest: how long it may be, in bytes as they are sent.
    :param memory: what it takes its bytes of.
    """

    def __init__(self, largest: int, memory: Memory) -> None:
        self._largest = largest
        self._memory = memory
        self._taken = 0
        # The line end of DATA: with it, the end of a mail without a line looks as every other one.
        self._held = bytearray(_LINE_END)
        self._returns = self._feeds = self._pairs = 0
        # Why nothing more of it is held; None as long as all of it is.
        self._stopped: Reply | None = None
        self._dropped = 0

    def take(self, block: bytes) -> bytes | None:
        """Take the next bytes, and return those that follow the end of the mail; None while it has not ended.

        The time is in proportion to the length of the block.
        """
        held = self._held
        start = len(held)
        held += block
        found = held.find(_END, max(0, start - len(_END) + 1))
        stop = found + len(_END) if found >= 0 else len(held)
        self._returns += held.count(b"\r", start, stop)
        self._feeds += held.count(b"\n", start, stop)
        self._pairs += held.count(_LINE_END, start - 1, stop)
        rest = None
        if found >= 0:
            rest = bytes(held[stop:])
            del held[found + len(_LINE_END) :]
        # Before the end is there, a part of it may be among the bytes that are held.
        most = len(_LINE_END) + self._largest + (0 if found >= 0 else len(_END))
        if self._stopped is None and len(held) > most:
            self._stopped = TOO_LONG
        elif self._stopped is None and not self._memory.has(len(held) - self._taken):
            self._stopped = NO_MEMORY
        if self._stopped is not None:
            self._dropped += max(0, len(held) - len(_END))
            del held[: -len(_END)]
        self._memory.take(len(held) - self._taken)
        self._taken = len(held)
        return rest

    def release(self) -> None:
        """Give its memory back: nothing more will be done with it."""
        # Its bytes stay: a thread that is about to end may still send them, and must not send a part as a whole mail.
        self._memory.take(-self._taken)
        self._taken = 0

    @property
    def size(self) -> int:
        """How many bytes it has, once it has ended."""
        return self._dropped + len(self._held) - len(_LINE_END)

    @property
    def refusal(self) -> Reply | None:
        """Why it is not passed on, once it has ended; None for no reason.

        Servers do not agree whether a CR or an LF alone ends a line, and so the mail (RFC 5321, 2.3.8).
        """
        if self._stopped is not None:
            return self._stopped
        return None if self._returns == self._feeds == self._pairs else _BARE

    def pieces(self) -> Iterator[bytes]:
        """Return it in pieces, without the line that ends it."""
        for start in range(len(_LINE_END), len(self._held), _PIECE_BYTES):
            yield bytes(self._held[start : start + _PIECE_BYTES])
