"""Directories of accounts. In the directory of a user all is made with that user's rights, whatever links are there."""

from __future__ import annotations

import errno
import os
import shlex
import stat

from esmith.disk import UserDirectoryError
from esmith.errors import InstallError, UserFileError
from esmith.plan.host import trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.accounts.book import User
    from esmith.layout import Layout

#: The folders of a mailbox (maildir(5)).
_MAILDIR = ("cur", "new", "tmp")


def make_owned(layout: Layout, path: str, mode: int, owner: tuple[int, int] | None, *, correct: bool = False) -> bool:
    """Make a directory where there is none, and those above it with mode 0755.

    :param path: where, as the configured system knows it.
    :param mode: its permissions, whatever the umask.
    :param owner: user and group number; None leaves the caller's. Who is not root can give nothing away.
    :param correct: whether one that is there gets this mode and owner.
    :return: whether it was made.
    :raises UserFileError: when it cannot be made in a directory of a user, or something else is there.
    :raises InstallError: the same elsewhere.
    """
    place = layout.under(path)
    owner = owner if os.geteuid() == 0 else None
    try:
        above = layout.disk().directory(os.path.dirname(place), make=0o755)
        name = os.path.basename(place)
        status = above.look(name)
        if status is None:
            above.make(name, mode, owner)
            return True
        if stat.S_ISLNK(status.st_mode) and (above.is_ours or status.st_uid in layout.trust.owners):
            # The administrator's, who has the mail on another disk.
            status = os.stat(place)
        if not stat.S_ISDIR(status.st_mode):
            raise _in_the_way(place, UserFileError if above.is_a_users else InstallError)
        wanted = (mode, *(owner or (status.st_uid, status.st_gid)))
        if correct and above.is_ours and (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) != wanted:
            above.enter(name).become(mode, owner)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise _in_the_way(
                place, UserFileError if isinstance(error, UserDirectoryError) else InstallError
            ) from error
        raise trouble(place, error) from error
    return False


def make_mailbox(layout: Layout, user: User) -> bool:
    """Make the mailbox of a user, ``Maildir`` in the home, as far as it is missing, with the rights of the user.

    :return: whether something was made.
    :raises InstallError: when it cannot be made.
    """
    owner = user.uid, user.gid
    made = [make_owned(layout, f"{user.home}/Maildir", 0o700, owner)]
    made += [make_owned(layout, f"{user.home}/Maildir/{folder}", 0o700, owner) for folder in _MAILDIR]
    return any(made)


def _in_the_way(place: str, kind: type[InstallError]) -> InstallError:
    hint = f"a directory has to be there; move away what is: mv {shlex.quote(place)} {shlex.quote(place + '.old')}"
    return kind("is no directory, or a link to one", place=place, hint=hint)
