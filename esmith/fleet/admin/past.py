"""``esmith fleet history``: the journal as it is in etcd, the newest row first.

Whoever has stolen one server can write any bytes in the place of any row. So a row is shown as what it says only where
it is the one that this server has applied, or one that fits after these; else somebody could be blamed who wrote none.
"""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import decode, fill, hash_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.journal.chain import Chain
    from esmith.fleet.journal.row import Row


@dataclass
class Past:
    """A row of the journal, to be looked at.

    :param revision: its number.
    :param row: what it holds; None when it is damaged, or cannot be believed.
    :param fault: why it is not one.
    """

    revision: int
    row: Row | None
    fault: str = ""


def past_of(remote: Remote, chain: Chain, most: int) -> Iterator[Past]:
    """Yield the last rows of the journal, the newest first.

    :param chain: where this server is; it goes on to the last row that fits.
    :param most: how many at most.
    :raises StoreError: when etcd does not answer.
    """
    newest = remote.head().number
    hashes, why = _take_newer(remote, chain, newest)
    for revision in range(newest, max(0, newest - most), -1):
        if revision > chain.head.number:
            yield Past(revision, None, why if revision == chain.head.number + 1 else "a row before it does not fit")
            continue
        raw = remote.row(revision)
        if raw is None:
            yield Past(revision, None, "it is missing")
        elif revision not in hashes:
            yield Past(revision, None, "it cannot be checked, because a row after it is not the one that was applied")
        elif hash_of(raw) != hashes[revision]:
            yield Past(revision, None, "it is another row than was applied here: somebody wrote it again")
        else:
            row = decode(raw)
            hashes[revision - 1] = row.previous
            yield _filled(remote, row)


def _take_newer(remote: Remote, chain: Chain, newest: int) -> tuple[dict[int, str], str]:
    """Take the rows that are not applied here yet; return the hashes of those that count, and why the next does not."""
    hashes = {chain.head.number: chain.head.hash}
    while chain.head.number < newest:
        raw = remote.row(chain.head.number + 1)
        if raw is None:
            return hashes, "it is missing"
        try:
            chain.take(raw)
        except RowError as error:
            return hashes, error.why
        hashes[chain.head.number] = chain.head.hash
    return hashes, ""


def _filled(remote: Remote, row: Row) -> Past:
    try:
        return Past(row.revision, fill(row, remote.blobs(row.token, len(row.blobs))) if row.blobs else row)
    except RowError as error:
        return Past(row.revision, None, error.why)
