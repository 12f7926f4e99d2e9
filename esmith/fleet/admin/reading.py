"""The journal of a fleet as commands of an administrator read and write it, without the agent."""

from __future__ import annotations

import secrets
import time

from esmith import __version__
from esmith.errors import BusyError, StoreError
from esmith.fields import dataclass, field, replace
from esmith.fleet.etcd.errors import AwayError, OutcomeUnknownError
from esmith.fleet.journal.chain import Chain
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import Row, encode, fill, hash_of, pack
from esmith.fleet.replica.applying import Applied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from esmith.errors import EsmithError
    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.journal.row import Change, Signs
    from esmith.store.model import Author

#: Rows that are asked for at once; one has up to 1 MiB.
_PAGE = 20
#: How often a row is tried while other hosts write theirs, and seconds in which what is not known has to be settled.
_TRIES, _SETTLING_SECONDS = 50, 20.0
#: The state of the store that has the hash of row 1.
FIRST = "first"


@dataclass
class Journal:
    """The journal as far as it was read.

    :param remote: where it is.
    :param chain: where it ends, and who is in the fleet there.
    :param applied: for each row that was read what a store has to do with it.
    :param first: the hash of row 1.
    :param refusal: why this machine may write nothing; None where it may.
    """

    remote: Remote
    chain: Chain
    applied: list[Applied] = field(default_factory=list)
    first: str = ""
    refusal: EsmithError | None = None

    @classmethod
    def from_start(cls, remote: Remote, known: Mapping[int, str] | None = None) -> Journal:
        """Return the whole journal, read and checked from row 1 on.

        :param known: hashes that rows must have, by their numbers.
        :raises RowError: at the first row that does not fit.
        :raises StoreError: when etcd does not answer.
        """
        journal = cls(remote, Chain(remote.fleet, known=known))
        journal.read_on()
        return journal

    def read_on(self) -> None:
        """Read and check the rows that came since.

        :raises RowError: at the first row that does not fit.
        :raises StoreError: when etcd does not answer.
        """
        while True:
            found = self.remote.rows(self.chain.head.number + 1, _PAGE)
            for number, raw in found:
                if number != self.chain.head.number + 1:
                    raise RowError("it is missing", revision=self.chain.head.number + 1)
                self._take(raw)
            if len(found) < _PAGE:
                return

    def _take(self, raw: bytes) -> None:
        row = self.chain.take(raw)
        if not row.is_complete:
            row = fill(row, self.remote.blobs(row.token, len(row.blobs)))
        self.first = self.first or self.chain.head.hash
        digest, states = self.chain.head.hash, dict(self.chain.changed)
        self.applied.append(Applied(row.revision, digest, row.changes, states, row.host))

    def append(self, make: Callable[[Chain], Row], key: Signs | None = None) -> Row:
        """Write a row after the last one; where others are faster it is made again after theirs.

        :param make: returns the row that is to come next; for a journal that it does not fit any more it raises.
        :param key: what signs it; by default the key of this host.
        :raises RowError: when this host may not write it.
        :raises OutcomeUnknownError: when it is not known whether it landed.
        :raises StoreError: when it did not.
        """
        if self.refusal is not None:
            raise self.refusal
        for _ in range(_TRIES):
            self.read_on()
            row, blobs = pack(make(self.chain))
            self.chain.members.check(row)
            raw = encode(row, key or self.remote.key)
            for number, blob in enumerate(blobs):
                self.remote.put_blob(row.token, number, blob)
            if self._put(row, raw):
                self.read_on()
                return row
            if blobs:
                self.remote.delete_blobs(row.token)
        raise BusyError("other hosts of the fleet write all the time", hint="run the command again")

    def _put(self, row: Row, raw: bytes) -> bool:
        """Return whether a row landed as the next one; what is not known is looked up and tried again."""
        base, deadline = self.chain.head, time.monotonic() + _SETTLING_SECONDS
        unknown: OutcomeUnknownError | None = None
        while True:
            try:
                if self.remote.append(base, raw):
                    return True
                # Another one is there, or it is ours, of a try whose answer was lost.
                return self._is_there(row, hash_of(raw))
            except OutcomeUnknownError as error:
                unknown = error
            except AwayError:
                if unknown is None:
                    raise
            if time.monotonic() > deadline:
                unknown.add("whether it landed: esmith fleet history")
                raise unknown

    def _is_there(self, row: Row, digest: str) -> bool:
        """Return whether a row is at its place: whoever reads its blobs knows its token, so that is not enough.

        :param digest: the hash of the row.
        :raises StoreError: when none is there.
        """
        raw = self.remote.row(row.revision)
        if raw is None:
            raise StoreError(
                f"row {row.revision} of the fleet's journal is not there, and none can be written",
                hint="etcd was restored, or its data was changed: esmith fleet status",
            )
        return hash_of(raw) == digest


def row_after(chain: Chain, host: str, kind: str, author: Author, **values: Any) -> Row:
    """Return a row that comes next, without changes.

    :param host: who signs it.
    :param kind: its kind.
    :param author: who gave the command; its words must not hold a secret.
    :param values: the fields that rows of this kind have.
    """
    row = Row(
        fleet=chain.members.fleet,
        revision=chain.head.number + 1,
        previous=chain.head.hash,
        host=host,
        token=secrets.token_hex(16),
        time=int(time.time()),
        program=__version__,
        kind=kind,
        author=(author.user, author.sudo_user, tuple(author.command)),
    )
    return replace(row, **values)


def changes_after(chain: Chain, host: str, author: Author, changes: list[Change]) -> Row:
    """Return a row of changes that comes next."""
    return replace(row_after(chain, host, "changes", author), changes=tuple(changes))
