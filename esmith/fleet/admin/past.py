"""``esmith fleet history``: the journal as it is in etcd, the newest row first."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import decode, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.journal.row import Row


@dataclass
class Past:
    """A row of the journal, to be looked at.

    :param revision: its number.
    :param row: what it holds; None when it is damaged.
    :param fault: why it is not one.
    """

    revision: int
    row: Row | None
    fault: str = ""


def past_of(remote: Remote, most: int) -> Iterator[Past]:
    """Yield the last rows of the journal, the newest first. Their signatures are not looked at: the agent does that.

    :param most: how many at most.
    :raises StoreError: when etcd does not answer.
    """
    newest = remote.head().number
    for revision in range(newest, max(0, newest - most), -1):
        raw = remote.row(revision)
        if raw is None:
            yield Past(revision, None, "it is missing")
            continue
        try:
            row = decode(raw)
            if not row.is_complete:
                row = fill(row, remote.blobs(row.token, len(row.blobs)))
            yield Past(revision, row)
        except RowError as error:
            yield Past(revision, None, error.why)
