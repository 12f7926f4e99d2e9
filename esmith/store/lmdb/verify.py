"""Verifying a data file without LMDB: every page that LMDB would come across, so that it cannot be led astray.

``lmdb.verify`` reads the file in Python and checks the structure of all pages. Two things that it lets pass kill LMDB
0.9 and are checked here: a file that ends inside a long value, of which it reads the first page only, and flags in the
head that no file of ours has, e.g. a fixed address for the map.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from lmdb import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: LMDB 0.9's layout (mdb.c: MDB_page, MDB_node, MDB_meta, MDB_db), in the order of this machine.
PAGE_HEAD = struct.Struct("=QHHHH")
NODE_HEAD = struct.Struct("=HHHH")
NUMBER = struct.Struct("=Q")
_META_AT = 16
_FREE_FLAGS_AT = _META_AT + 24 + 4
_MAIN_FLAGS_AT = _FREE_FLAGS_AT + 48
PAGE_SIZE_AT = _META_AT + 24
MAIN_ROOT_AT = _META_AT + 24 + 48 + 40
LAST_PAGE_AT = _META_AT + 24 + 2 * 48
TRANSACTION_AT = LAST_PAGE_AT + 8
ROOT_IN_TABLE = 40
BRANCH = 1
BIG_VALUE, TABLE = 1, 2
#: MDB_FIXEDMAP and the kinds of tables, in the flags of the free list: it has integers for keys (MDB_INTEGERKEY).
_KINDS = 0x7F
_INTEGER_KEYS = 8
NO_PAGE = 2**64 - 1


def find_damage(path: str) -> str | None:
    """Verify a data file.

    :return: what is wrong with it, in the words of a message; None when it is sound.
    :raises OSError: when it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            problems = _Verifier(file, os.fstat(file.fileno()).st_size).verify()  # type: ignore[no-untyped-call]
        if problems:
            return f"the data file is damaged ({problems[0]})"
        return _find_what_passes(path)
    except verify.VerifyError as error:
        return f"the data file is damaged ({error})"
    except (struct.error, ValueError, IndexError, OverflowError, MemoryError, RecursionError):
        return "the data file is damaged (its pages make no sense)"


class _Verifier(verify._Verifier):
    """Takes a long value that became shorter for what it is.

    Where one transaction writes a value of several pages and then a shorter one in its place, LMDB leaves it in all of
    these pages (mdb.c, mdb_cursor_put). Their number is in the head of the first; the verifier of py-lmdb 3.0 asks for
    as many as the value needs now, and calls the others lost.
    """

    def _bigdata(
        self, ctx: dict[str, Any], page: int, node: int, buffer: bytes, at: int, size: int, want_bytes: bool
    ) -> bytes | None:
        room = max(size, self._room(buffer, at))
        taken: bytes | None = super()._bigdata(ctx, page, node, buffer, at, room, want_bytes)  # type: ignore[no-untyped-call]
        return None if taken is None else taken[:size]

    def _room(self, buffer: bytes, at: int) -> int:
        """Return for how many bytes the pages of a value have room, 0 when that cannot be read."""
        if at + NUMBER.size > self.psize:
            return 0
        first: bytes | None = self.read_page(*NUMBER.unpack_from(buffer, at))  # type: ignore[no-untyped-call]
        if first is None:
            return 0
        pages: int = self._pg_pages(first, 0)  # type: ignore[no-untyped-call]
        return pages * self.psize - self.hdrsz


def _find_what_passes(path: str) -> str | None:
    with open(path, "rb") as file:
        (page_size,) = struct.unpack_from("=I", file.read(_META_AT + 160), PAGE_SIZE_AT)
        file.seek(0)
        metas = (file.read(page_size), file.read(page_size))
        if not all(_has_our_flags(meta) for meta in metas):
            return "the data file is damaged (flags in its head make no sense)"
        committed = max(metas, key=lambda meta: int(NUMBER.unpack_from(meta, TRANSACTION_AT)[0]))
        size = os.fstat(file.fileno()).st_size
        (last,) = NUMBER.unpack_from(committed, LAST_PAGE_AT)
        if size >= (last + 1) * page_size:
            return None
        # That alone is no damage: pages that were taken and freed in one transaction are not written.
        file.seek(0)
        data = memoryview(file.read(size))
    (root,) = NUMBER.unpack_from(committed, MAIN_ROOT_AT)
    if any(end * page_size > len(data) for end in _ends(data, page_size, root)):
        return "the data file is shorter than its contents"
    return None


def _has_our_flags(meta: bytes) -> bool:
    (free,) = struct.unpack_from("=H", meta, _FREE_FLAGS_AT)
    (main,) = struct.unpack_from("=H", meta, _MAIN_FLAGS_AT)
    return bool(free & _KINDS == _INTEGER_KEYS and main == 0)


def _ends(data: memoryview, page_size: int, root: int) -> Iterator[int]:
    """Yield for every page and long value of a tree the number of the page behind it."""
    if root == NO_PAGE:
        return
    yield root + 1
    page = data[root * page_size : (root + 1) * page_size]
    _, _, kind, lower, _ = PAGE_HEAD.unpack_from(page)
    for place in range(PAGE_HEAD.size, lower, 2):
        (node,) = struct.unpack_from("=H", page, place)
        low, high, flags, key_size = NODE_HEAD.unpack_from(page, node)
        value = node + NODE_HEAD.size + key_size
        if kind & BRANCH:
            yield from _ends(data, page_size, low | high << 16 | flags << 32)
        elif flags & BIG_VALUE:
            (first,) = NUMBER.unpack_from(page, value)
            pages = -(-(PAGE_HEAD.size + (low | high << 16)) // page_size)
            yield first + pages
        elif flags & TABLE:
            yield from _ends(data, page_size, *NUMBER.unpack_from(page, value + ROOT_IN_TABLE))
