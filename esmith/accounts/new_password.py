"""A new password for an account: at ``/`` by the machine's own programs, in a root folder as a hash in its own file.

Whoever signals ``password-modify`` afterwards has it noted in the record that there is one (docs/events.md#the-events).
"""

from __future__ import annotations

from esmith.accounts.system import book_of
from esmith.errors import RefusedError
from esmith.plan.host import DiskHost
from esmith.printable import shell_word
from esmith.schema.account_names import HOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.accounts.book import Book
    from esmith.layout import Layout

#: How long a password may be: at least so many characters, and at most so many bytes: what PAM reads (pam_conv(3)).
SHORTEST, LONGEST = 8, 511
#: The account of the administrator, and its home.
_ADMIN = ("admin", "/home/e-smith")


def set_password(layout: Layout, account: str, password: str, book: Book | None = None) -> None:
    """Set the password of a user, or of admin; one that is locked can log in again.

    :param layout: the root.
    :param account: the name.
    :param password: what the user is to type; it is in no argument and in no file, only its hash is.
    :param book: the unix accounts; None for those of the root.
    :raises RefusedError: when the password cannot be one, or the unix account is missing or another's; nothing was
        changed.
    :raises InstallError: when it cannot be set.
    """
    check_password(password)
    host = DiskHost(layout)
    try:
        book = book or book_of(layout, host)
        _check_account(book, account)
        book.set_password(account, password)
    finally:
        host.close()


def check_password(password: str) -> None:
    """Refuse what cannot be typed, or is guessed at once.

    :raises RefusedError: when it is too short or too long, or has a character that is not printable.
    """
    if len(password) < SHORTEST:
        raise RefusedError("the password is too short", hint=f"take {SHORTEST} characters at least")
    if len(password.encode("utf-8", "surrogateescape")) > LONGEST:
        raise RefusedError("the password is too long", hint=f"take {LONGEST} bytes at most")
    if not password.isprintable():
        raise RefusedError(
            "the password has a character that cannot be typed", hint="take letters, digits, marks and blanks"
        )


def _check_account(book: Book, account: str) -> None:
    """Refuse an account that is not a user's: root and the accounts of the system never get a password here."""
    user = book.user(account)
    if user is None:
        raise RefusedError(
            f"there is no unix account {account}", hint=f"run: signal-event user-create {shell_word(account)}"
        )
    if user.uid == 0 or (account, user.home) not in (_ADMIN, (account, f"{HOMES}/{account}")):
        raise RefusedError(f"the unix account {account} is not a user's: its home is {user.home}")
