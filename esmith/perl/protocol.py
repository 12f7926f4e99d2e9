"""Messages between Perl and Python over a pipe.

A message is a list of byte strings, each of which may also be missing (``undef`` in Perl, None here). On the wire it
is ``COUNT\\n`` and then for each field ``LENGTH\\n`` and that many bytes; ``-1\\n`` stands for a missing one. Nothing
is ever escaped, so every byte string passes. ``lib/esmith/backend.pm`` speaks the same.
"""

from __future__ import annotations

from esmith.errors import EsmithError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    #: One message: its fields, None for a missing one.
    Message = list[bytes | None]

#: More fields than any listing has: a record of ten properties has 23.
MAX_FIELDS = 2**24
#: Longest message, in bytes, without the counts.
MAX_BYTES = 2**28
#: Digits of the longest count or length.
_MAX_DIGITS = 9
_CHUNK_BYTES = 2**16


class ProtocolError(EsmithError):
    """What came over the pipe is no message, or only the beginning of one."""


def encode(fields: Sequence[bytes | None]) -> bytes:
    """Return a message as the bytes to write.

    :raises ProtocolError: when it is too long to be read at the other end.
    """
    if len(fields) > MAX_FIELDS or sum(len(field) for field in fields if field) > MAX_BYTES:
        raise ProtocolError(f"a message of more than {MAX_FIELDS} fields or {MAX_BYTES} bytes cannot be sent")
    parts = [b"-1\n" if field is None else b"%d\n%b" % (len(field), field) for field in fields]
    return b"%d\n%b" % (len(fields), b"".join(parts))


class MessageReader:
    """Takes messages from a stream of bytes.

    :param read: called with the number of bytes wanted; returns some, at least one, or b"" at the end of the stream.
        What it raises (a timeout, say) passes through.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._place = 0

    def next(self) -> Message | None:
        """Return the next message, None when the stream ends before one begins.

        :raises ProtocolError: when what comes is no message, or the stream ends within one.
        """
        if self._place == len(self._buffer) and not self._more(1):
            return None
        count = self._number(MAX_FIELDS)
        if count < 0:
            raise ProtocolError("a message cannot have -1 fields")
        fields: Message = []
        room = MAX_BYTES
        for _ in range(count):
            length = self._number(room)
            fields.append(None if length < 0 else self._take(length))
            room -= max(length, 0)
        return fields

    def _number(self, most: int) -> int:
        end = self._buffer.find(b"\n", self._place)
        while end < 0:
            if len(self._buffer) - self._place > _MAX_DIGITS:
                self._garbage(self._buffer[self._place :])
            self._need(1)
            end = self._buffer.find(b"\n", self._place)
        digits = self._buffer[self._place : end]
        if digits == b"-1":
            number = -1
        elif digits.isdigit() and len(digits) <= _MAX_DIGITS:
            number = int(digits)
        else:
            self._garbage(digits)
        if number > most:
            raise ProtocolError(f"a message is too long: {number} fields or bytes, where {most} are allowed")
        self._place = end + 1
        return number

    def _take(self, length: int) -> bytes:
        self._need(length - (len(self._buffer) - self._place))
        start, self._place = self._place, self._place + length
        return self._buffer[start : self._place]

    def _need(self, wanted: int) -> None:
        if not self._more(wanted):
            raise ProtocolError("the other process ended in the middle of a message")

    def _more(self, wanted: int) -> bool:
        """Read until so many more bytes are there; return whether they came."""
        if wanted <= 0:
            return True
        parts = [self._buffer[self._place :]]
        self._place = 0
        while wanted > 0:
            data = self._read(max(wanted, _CHUNK_BYTES))
            if not data:
                break
            parts.append(data)
            wanted -= len(data)
        self._buffer = b"".join(parts)
        return wanted <= 0

    @staticmethod
    def _garbage(data: bytes) -> NoReturn:
        raise ProtocolError(
            f"not a message: {bytes(data[:40])!r}", hint="something else than esmith's modules wrote to their pipe"
        )
