"""Users and groups of the database that have no unix account, or no unix group, yet."""

from __future__ import annotations

from esmith.printable import shell_word
from esmith.schema.account_names import can_be_unix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.accounts.book import Book
    from esmith.store.model import Record


def without_account(book: Book, records: Iterable[Record]) -> list[Record]:
    """Return the users without a unix account, and the groups without a unix group, in the order given.

    Names that no unix account can have are not among them: no event helps there.

    :param book: the unix accounts of the root.
    :param records: records of the database ``accounts``; those of other types are passed over.
    """
    known = {"user": book.user, "group": book.group}
    return [
        record
        for record in records
        if record.type in known and can_be_unix(record.key) and known[record.type](record.key) is None
    ]


def creation_of(type: str, name: str) -> str:
    """Return the command that makes the unix account, or the unix group, with the files that follow from it.

    :param type: ``user`` or ``group``.
    :param name: one that :func:`without_account` gives.
    """
    return f"signal-event {shell_word(type)}-create {shell_word(name)}"
