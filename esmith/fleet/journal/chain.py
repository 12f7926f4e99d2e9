"""The chain of the journal's rows: which one is the next, and a replay from the first.

Each row has the hash of the one before, so no row can be changed, left out, moved or repeated without a change of all
hashes after it. A host knows the hash of the row it has applied last; one that joins knows that of row 1, by its
invitation.
"""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.fleet.journal.checking import MOST_REVISIONS, is_hash
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.members import Members
from esmith.fleet.journal.row import Row, decode, hash_of
from esmith.names import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class Head:
    """The end of the journal: number and hash of the last row; 0 and "" when there is none.

    As text it is ``N HASH``, as etcd's key ``head`` and the row ``revision`` of a store have it.
    """

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Return the head that a text is; that of an empty journal for "".

        :raises RowError: when it is not one.
        """
        if not text or text == "0 ":
            return START
        number, _, digest = text.partition(" ")
        head = cls(int(number), digest) if is_number(number) else START
        if str(head) != text or not 0 < head.number <= MOST_REVISIONS or not is_hash(digest):
            raise RowError("the head of the journal is not a number and a hash")
        return head


START = Head(0, "")


def check_next(head: Head, raw: bytes, members: Members) -> Row:
    """Return the row that comes next, having checked its form, its place in the chain, its signature and its rights.

    Its blobs are not looked at: :func:`esmith.fleet.journal.row.fill` does that.

    :param head: the row before it.
    :param raw: the bytes of the row.
    :param members: as the row before it left them; they are not changed.
    :raises NewerRowError: when a newer version wrote it.
    :raises RowError: when it does not fit.
    """
    number = head.number + 1
    try:
        row = decode(raw)
        if row.revision != number:
            raise RowError(f"it has the number {row.revision}, and is at the place of row {number}")
        if row.previous != head.hash:
            raise RowError(f"it follows another row {head.number} than this one does: the journal was rewritten")
        members.check(row, raw)
    except RowError as error:
        # What it says about itself counts less than where it is.
        raise type(error)(error.why, revision=number, host=error.host, hint=error.hint) from None
    return row


class Chain:
    """The journal as far as it was taken: where it ends, and who is in the fleet there.

    :param fleet: name of the fleet.
    :param head: where to go on; by default before row 1.
    :param members: as that row left them.
    :param known: hashes that rows must have, by their numbers: that of row 1 from the invitation, and of others that
        this host has seen. So a journal that was rewritten, or is that of another fleet, is noticed.
    """

    def __init__(
        self,
        fleet: str,
        *,
        head: Head = START,
        members: Members | None = None,
        known: Mapping[int, str] | None = None,
    ) -> None:
        self.head = head
        self.members = members if members is not None else Members(fleet)
        #: What the last row changed in the members, as :meth:`Members.apply` returns it.
        self.changed: dict[str, bytes | None] = {}
        self._known = dict(known or {})

    def take(self, raw: bytes) -> Row:
        """Check the next row and take it over; one that does not fit changes nothing.

        :return: the row, whose blobs may have to be read.
        :raises RowError: as :func:`check_next` does, and for a row whose hash is known to be another.
        """
        row = check_next(self.head, raw, self.members)
        head = Head(row.revision, hash_of(raw))
        if self._known.get(row.revision, head.hash) != head.hash:
            raise RowError(
                "it is another row than this host knows: the journal was rewritten, or etcd is that of another fleet",
                revision=row.revision,
                host=row.host,
            )
        self.changed = self.members.apply(row)
        self.head = head
        return row

    def require_known(self) -> None:
        """Refuse a journal that was taken to its end, and ends before a row that this host knows.

        :raises RowError: when rows are missing.
        """
        last = max(self._known, default=0)
        if last > self.head.number:
            raise RowError(
                f"the journal ends at row {self.head.number}: rows were removed, or etcd was restored from a backup",
                revision=last,
            )


def replay(chain: Chain, rows: Iterable[bytes]) -> Iterator[Row]:
    """Yield rows of a journal in order, each after it was taken: then ``chain`` says where it ends, and who is there.

    :raises RowError: at the first one that does not fit.
    """
    for raw in rows:
        yield chain.take(raw)
