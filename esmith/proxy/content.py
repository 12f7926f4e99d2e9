"""The content of one mail, as it came from the client: lines that end in CR LF, with their leading dots doubled.

It goes to the provider in the same form (RFC 5321, 4.5.2), so nothing is made of its lines: a mail takes about
as many bytes of memory as it is long, however short its lines are.
"""

from __future__ import annotations

from collections.abc import Iterator

from esmith.proxy.reply import TOO_LONG, Reply

_LINE_END = b"\r\n"
_END = b"\r\n.\r\n"
_PIECE_BYTES = 1 << 16
_BARE = Reply(554, b"5.6.0 a line has a CR or an LF alone, which RFC 5321 forbids")


class Content:
    """What a client sends after DATA, taken block by block.

    :param largest: how long it may be, in bytes as they are sent.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        # The line end of DATA: with it, the end of a mail without a line looks as every other one.
        self._held = bytearray(_LINE_END)
        self._returns = self._feeds = self._pairs = 0
        self._is_too_long = False
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
        if self._is_too_long or len(held) > most:
            self._is_too_long = True
            self._dropped += max(0, len(held) - len(_END))
            del held[: -len(_END)]
        return rest

    @property
    def size(self) -> int:
        """How many bytes it has, once it has ended."""
        return self._dropped + len(self._held) - len(_LINE_END)

    @property
    def refusal(self) -> Reply | None:
        """Why it is not passed on, once it has ended; None for no reason.

        Servers do not agree whether a CR or an LF alone ends a line, and so the mail (RFC 5321, 2.3.8).
        """
        if self._is_too_long:
            return TOO_LONG
        return None if self._returns == self._feeds == self._pairs else _BARE

    def pieces(self) -> Iterator[bytes]:
        """Return it in pieces, without the line that ends it."""
        for start in range(len(_LINE_END), len(self._held), _PIECE_BYTES):
            yield bytes(self._held[start : start + _PIECE_BYTES])
