"""Taking what was deleted out of the data file itself: LMDB keeps it in free pages until they are used again.

The file is not replaced by a copy: another process may have it open, and would go on reading and writing the old one.
Everything is done in transactions, so readers and writers go on meanwhile, and LMDB alone decides which pages nobody
reads any more:

1. Every table is written again, so that no page in use has old bytes between its rows.
2. Pages full of zeros are written until all free pages were used, and given back.
3. The file is searched. Where something is left, because a reader had an older state open, that is done again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import lmdb

from esmith.store.lmdb.commit import Commit
from esmith.store.lmdb.data_file import DataFile
from esmith.store.lmdb.dead_space import DeadSpace
from esmith.store.lmdb.writer import WriterLock
from esmith.store.model import Erased

#: Holds the zeros; it is gone when it is done.
_FILLING = b"=filling"
_ROUNDS = 3
#: How many pages are filled in one transaction; writers wait so long for each other.
_PAGES_AT_ONCE = 1024
#: Two rows fill a page: a row of more than half a page gets pages of its own, which have to stand side by side.
_ROWS_OF_A_PAGE = 2
_ROOM_OF_A_ROW = 40
#: Pages that each transaction takes for itself.
_MORE_PAGES = 8
#: How long to wait for commands that read an older state, in seconds, and how often to look.
_PATIENCE = 5.0
_LOOK_EVERY = 0.1


def erase(env: lmdb.Environment, data: DataFile, texts: Collection[str]) -> Erased:
    """Overwrite what no row holds any more.

    :param env: opened for writing after the texts were taken out of the rows; the buffers of an environment may hold
        old rows, and go into new pages.
    :param texts: what must not be found afterwards.
    """
    _begin_to_fill(env, data)
    with env.begin() as txn:
        names = _tables(txn)
    for name in names:
        _write_again(env, data, name)
    clean = env.info()["last_txnid"]
    left: list[str] = []
    readers: list[int] = []
    deadline = time.monotonic() + _PATIENCE
    for _ in range(_ROUNDS):
        wanted = _begin_to_fill(env, data)
        while (readers := _readers_of(env, clean)) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
        _fill(env, data, wanted)
        left = _search(env, data, texts)
        if not left and not readers:
            break
    return Erased(len(left), readers)


def _tables(txn: lmdb.Transaction) -> list[bytes]:
    with txn.cursor() as cursor:
        return [bytes(name) for name in cursor.iternext(keys=True, values=False)]


def _write_again(env: lmdb.Environment, data: DataFile, name: bytes) -> None:
    with _transaction(env, data) as txn:
        table = env.open_db(name, txn=txn, create=False)
        with txn.cursor(table) as cursor:
            rows = [(bytes(key), bytes(value)) for key, value in cursor.iternext()]
        txn.drop(table, delete=name == _FILLING)
        for key, value in rows if name != _FILLING else ():
            txn.put(key, value, db=table, append=True)


def _readers_of(env: lmdb.Environment, number: int) -> list[int]:
    """Return the processes that read the state of a transaction or an older one.

    Pages that a transaction gave up are used again when everybody reads a later state (mdb.c, mdb_page_alloc).
    """
    env.reader_check()
    # A line of a heading, then process, thread and transaction, "-" for none (mdb.c, mdb_reader_list).
    rows = [line.split() for line in env.readers().splitlines()[1:]]
    return sorted({int(row[0]) for row in rows if len(row) == 3 and row[2].isdecimal() and int(row[2]) <= number})


def _begin_to_fill(env: lmdb.Environment, data: DataFile) -> int:
    """Make the table, and return how many pages are free.

    What a transaction gave up can be used by the second one after it: this is the first.
    """
    with _transaction(env, data) as txn:
        table = env.open_db(_FILLING, txn=txn, create=True)
        txn.put(b"\0", b"", db=table)
        return DeadSpace(data.path).free_pages + _MORE_PAGES


def _fill(env: lmdb.Environment, data: DataFile, wanted: int) -> None:
    """Write pages of zeros in place of free ones, and give them back."""
    page = bytes(env.stat()["psize"] // _ROWS_OF_A_PAGE - _ROOM_OF_A_ROW)
    table = env.open_db(_FILLING, create=False)
    number = 0
    while wanted > 0:
        before = env.info()["last_pgno"]
        pages = min(wanted, _PAGES_AT_ONCE)
        with _transaction(env, data) as txn:
            for _ in range(pages * _ROWS_OF_A_PAGE):
                number += 1
                txn.put(number.to_bytes(8), page, db=table, append=True)
        wanted -= pages
        if env.info()["last_pgno"] - before > pages // 2:
            break  # no free page is left that nobody reads: the file only grows
    with _transaction(env, data) as txn:
        txn.drop(table)


def _search(env: lmdb.Environment, data: DataFile, texts: Collection[str]) -> list[str]:
    # Nobody else writes while this transaction is open, and it changes nothing.
    with WriterLock(data.path), env.begin(write=True) as txn:
        space = DeadSpace(data.path)
        found = [text for text in texts if space.holds(text)]
        # What a row holds as well is still a value of today, or that of another property: no harm is done by a copy.
        rows = [value for name in _tables(txn) for value in _values(env, txn, name)] if found else []
        found = [text for text in found if not any(text.encode() in value for value in rows)]
        txn.abort()
    return found


def _values(env: lmdb.Environment, txn: lmdb.Transaction, name: bytes) -> Iterator[bytes]:
    with txn.cursor(env.open_db(name, txn=txn, create=False)) as cursor:
        yield from map(bytes, cursor.iternext(keys=False, values=True))


@contextmanager
def _transaction(env: lmdb.Environment, data: DataFile) -> Iterator[lmdb.Transaction]:
    """Write, and mark the file as known afterwards."""
    with WriterLock(data.path):
        txn = env.begin(write=True)
        done = False
        try:
            yield txn
            with Commit(data):
                txn.commit()
            done = True
        finally:
            if not done:
                txn.abort()
