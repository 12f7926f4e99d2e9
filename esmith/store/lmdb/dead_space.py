"""The parts of a data file that no state of the databases reaches any more: free pages, and gaps in pages.

LMDB leaves there what was deleted or replaced. The file must not be written meanwhile.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator

from esmith.store.lmdb.verify import (
    BIG_VALUE,
    BRANCH,
    LAST_PAGE_AT,
    MAIN_ROOT_AT,
    NO_PAGE,
    NODE_HEAD,
    NUMBER,
    PAGE_HEAD,
    PAGE_SIZE_AT,
    ROOT_IN_TABLE,
    TABLE,
    TRANSACTION_AT,
)

_FREE_ROOT_AT = MAIN_ROOT_AT - 48
_HEADS = 2
#: Of a long text every piece of this many bytes is looked for, since parts of it may have been overwritten.
_PIECE, _STEP = 32, 512


class DeadSpace:
    """What is dead in a data file.

    :param path: of the file.
    """

    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        try:
            self._look()
        finally:
            self._data.close()

    def _look(self) -> None:
        (self._page_size,) = struct.unpack_from("=I", self._data, PAGE_SIZE_AT)
        heads = (self._data[at : at + self._page_size] for at in (0, self._page_size))
        head = max(heads, key=lambda one: int(NUMBER.unpack_from(one, TRANSACTION_AT)[0]))
        (last,) = NUMBER.unpack_from(head, LAST_PAGE_AT)
        self._live = bytearray(max(last + 1, -(-len(self._data) // self._page_size)))
        self._live[:_HEADS] = b"\1" * _HEADS
        self._gaps: list[tuple[int, int]] = []
        for place in (_FREE_ROOT_AT, MAIN_ROOT_AT):
            self._walk(*NUMBER.unpack_from(head, place))
        #: How many pages are free, of those LMDB has taken so far.
        self.free_pages = self._live[: last + 1].count(0)
        # No text holds a NUL, and most of it is NULs.
        self._dead = b"\0".join(re.sub(rb"\0+", b"\0", self._data[start:end]) for start, end in self._places())

    def holds(self, text: str) -> bool:
        """Return whether a text, or a part of a long one, is in what is dead."""
        return any(piece in self._dead for piece in _pieces(text.encode()))

    def _places(self) -> Iterator[tuple[int, int]]:
        yield from self._gaps
        first = self._live.find(0)
        while first >= 0:
            end = self._live.find(1, first)
            end = len(self._live) if end < 0 else end
            yield first * self._page_size, end * self._page_size
            first = self._live.find(0, end)

    def _walk(self, root: int) -> None:
        if root == NO_PAGE:
            return
        self._live[root] = 1
        start = root * self._page_size
        _, _, kind, lower, upper = PAGE_HEAD.unpack_from(self._data, start)
        self._gaps.append((start + lower, start + upper))
        for place in range(start + PAGE_HEAD.size, start + lower, 2):
            (offset,) = struct.unpack_from("=H", self._data, place)
            node = start + offset
            low, high, flags, key_size = NODE_HEAD.unpack_from(self._data, node)
            value = node + NODE_HEAD.size + key_size
            if kind & BRANCH:
                self._walk(low | high << 16 | flags << 32)
            elif flags & BIG_VALUE:
                (first,) = NUMBER.unpack_from(self._data, value)
                self._mark_long(first, low | high << 16)
            elif flags & TABLE:
                self._walk(*NUMBER.unpack_from(self._data, value + ROOT_IN_TABLE))

    def _mark_long(self, first: int, size: int) -> None:
        end = first * self._page_size + PAGE_HEAD.size + size
        pages = -(-(PAGE_HEAD.size + size) // self._page_size)
        self._live[first : first + pages] = b"\1" * pages
        self._gaps.append((end, (first + pages) * self._page_size))


def _pieces(text: bytes) -> list[bytes]:
    if len(text) <= 2 * _PIECE:
        return [text]
    return [text[at : at + _PIECE] for at in range(0, len(text) - _PIECE, _STEP)] + [text[-_PIECE:]]
