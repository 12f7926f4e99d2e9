"""The journal of a fleet as etcd has it: its keys, and what the agent does with them."""

from __future__ import annotations

from esmith.errors import StoreError
from esmith.fleet.agent.errors import StoppedError
from esmith.fleet.etcd import operations
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import BODY_LIMIT, hash_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.fleet.etcd.client import Etcd
    from esmith.fleet.etcd.operations import KeyValue
    from esmith.fleet.etcd.watch import Watch
    from esmith.fleet.journal.row import Signs

_DIGITS, _BLOB_DIGITS = 12, 4
#: Answers to signals of so many revisions stay.
_KEPT_ANSWERS = 1000
#: So many names of rows are read at once.
_KEYS = 5000
_NUMBERS = frozenset(b"0123456789")


class Remote:
    """It; threads may share it.

    :param etcd: a client.
    :param fleet: name of the fleet.
    :param host: name of this host in it.
    :param key: what signs the rows of this host.
    """

    def __init__(self, etcd: Etcd, fleet: str, host: str, key: Signs) -> None:
        self.etcd = etcd
        self.fleet = fleet
        self.host = host
        self.key = key
        self._prefix = f"/esm/{fleet}/"

    def row_key(self, revision: int) -> str:
        """Return the key of a row."""
        return f"{self._prefix}j/{revision:0{_DIGITS}d}"

    def head(self) -> Head:
        """Return the last fleet revision, as the majority has it.

        :raises StoreError: when etcd does not say, or what it says is not one.
        """
        found = self.etcd.range(f"{self._prefix}head")
        return self._head_of(found.rows[0].value if found.rows else b"")

    def head_and_row(self, revision: int) -> tuple[Head, bytes | None, int]:
        """Return the last fleet revision, the row of another one, and etcd's own revision, all of one moment.

        :raises StoreError: as :meth:`head` does.
        """
        found = self.etcd.range(f"{self._prefix}head")
        head = self._head_of(found.rows[0].value if found.rows else b"")
        rows = self.etcd.range(self.row_key(revision), revision=found.revision).rows
        return head, rows[0].value if rows else None, found.revision

    def row(self, revision: int) -> bytes | None:
        """Return a row, None when there is none.

        :raises StoreError: when etcd does not say.
        """
        found = self.etcd.range(self.row_key(revision))
        return found.rows[0].value if found.rows else None

    def rows(self, first: int, most: int) -> list[tuple[int, bytes]]:
        """Return number and bytes of the rows from one on, in order; fewer than ``most`` when these are all.

        :raises StoreError: when etcd does not say, or a key is not that of a row.
        """
        end = operations.prefix_end(f"{self._prefix}j/")
        found = self.etcd.range(self.row_key(first), end, limit=most)
        return [(self.number_of(row.key), row.value) for row in found.rows]

    def written(self, last: int) -> Iterator[tuple[int, int]]:
        """Yield number and etcd's revision of the last write of each row up to one, in order; the rows are not read.

        :raises StoreError: as :meth:`rows` does.
        """
        first = 1
        while first <= last:
            found = self.etcd.range(self.row_key(first), self.row_key(last + 1), limit=_KEYS, keys_only=True)
            for row in found.rows:
                yield self.number_of(row.key), row.mod_revision
            if not found.more or not found.rows:
                return
            first = self.number_of(found.rows[-1].key) + 1

    def number_of(self, key: bytes) -> int:
        """Return the number of the row of a key.

        :raises StoppedError: when it is none.
        """
        digits = key.removeprefix(f"{self._prefix}j/".encode())
        if len(digits) != _DIGITS or not _NUMBERS.issuperset(digits):
            raise StoppedError(
                f"there is a key in the fleet's journal that is not that of a row: {repr(key)[2:-1]}",
                hint="find out who made it, and delete it in etcd",
            )
        return int(digits)

    def watch(self, revision: int) -> Watch:
        """Return a watch of the journal from one of etcd's own revisions on."""
        return self.etcd.watch(f"{self._prefix}j/", revision)

    def append(self, base: Head, raw: bytes) -> bool:
        """Put a row after another one; return whether that was the last one still.

        :raises OutcomeUnknownError: when it is not known.
        :raises StoreError: when it was not put.
        """
        key = self.row_key(base.number + 1)
        name, head = f"{self._prefix}head", Head(base.number + 1, hash_of(raw))
        is_base = operations.value_is(name, str(base)) if base.number else operations.created_is(name, 0)
        puts = [operations.put(key, raw), operations.put(name, str(head))]
        result = self.etcd.txn([is_base, operations.created_is(key, 0)], puts)
        return result.succeeded

    def put_blob(self, token: str, number: int, data: bytes) -> None:
        """Put a part of the changes of a row that is to follow.

        :raises StoreError: when it was not put, or that is not known.
        """
        self.etcd.put(self._blob_key(token, number), data)

    def blobs(self, token: str, count: int) -> list[bytes]:
        """Return the parts of the changes of a row that are there.

        :raises StoreError: when etcd does not say.
        """
        found: list[bytes] = []
        for number in range(count):
            rows = self.etcd.range(self._blob_key(token, number)).rows
            # Whoever may write them may write any size: the first that cannot be one ends it.
            if not rows or len(rows[0].value) > BODY_LIMIT:
                break
            found.append(rows[0].value)
        return found

    def delete_blobs(self, token: str) -> None:
        """Delete the parts of the changes of a row that never landed.

        :raises StoreError: when that is not certain.
        """
        prefix = f"{self._prefix}b/{token}/"
        self.etcd.delete(prefix, operations.prefix_end(prefix))

    def own_status(self) -> KeyValue | None:
        """Return what was put as the status of this host; None for nothing.

        :raises StoreError: when etcd does not say.
        """
        return self.etcd.get(f"{self._prefix}s/{self.host}")

    def put_status(self, data: bytes, seen: int) -> tuple[bool, int, KeyValue | None]:
        """Put how this host is, in the place of the status that was seen last.

        :param seen: etcd's revision of that one; 0 for none.
        :return: whether it was put, etcd's revision, and what is there where it was not put.
        :raises StoreError: when it was not put, or that is not known.
        """
        key = f"{self._prefix}s/{self.host}"
        puts, looks = [operations.put(key, data)], [operations.get(key)]
        done = self.etcd.txn([operations.modified_is(key, seen)], puts, looks)
        rows = () if done.succeeded or not done.responses else done.responses[0].rows
        return done.succeeded, done.revision, rows[0] if rows else None

    def statuses(self) -> Iterator[tuple[str, bytes]]:
        """Yield how the hosts are, by name, as the endpoint that is asked knows it.

        :raises StoreError: when etcd does not say.
        """
        prefix = f"{self._prefix}s/"
        for row in self.etcd.range(prefix, operations.prefix_end(prefix), serializable=True).rows:
            yield row.key.decode("utf-8", "replace").removeprefix(prefix), row.value

    def put_answer(self, revision: int, data: bytes) -> None:
        """Put what came of a signal on this host; the oldest of its answers go.

        :raises StoreError: when it was not put, or that is not known.
        """
        own = f"{self._prefix}a/{self.host}/"
        old = max(0, revision - _KEPT_ANSWERS)
        puts = [operations.put(f"{own}{revision:0{_DIGITS}d}", data)]
        self.etcd.txn([], [*puts, operations.delete(f"{own}{0:0{_DIGITS}d}", f"{own}{old:0{_DIGITS}d}")])

    def _blob_key(self, token: str, number: int) -> str:
        return f"{self._prefix}b/{token}/{number:0{_BLOB_DIGITS}d}"

    def _head_of(self, value: bytes) -> Head:
        try:
            return Head.parse(value.decode("ascii", "replace"))
        except RowError as error:
            place = f"{self._prefix}head"
            raise StoreError(error.why, place=place, hint="something else wrote it: see docs/fleet.md") from None
