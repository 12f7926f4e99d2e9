"""Who may run the demo, in which folder, and at which ports."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from esmith.directories import make_directory
from esmith.errors import BusyError, UsageError
from esmith.layout import Layout

#: qpsmtpd hands mail to no program with another sign in its path (its plugin queue/qmail-queue).
_PATH = re.compile(r"/[/\w.-]*", re.ASCII)
#: A path of a socket has 107 bytes (unix(7)), and the longest below the folder is one of dovecot's.
LONGEST_SOCKET = "/run/dovecot/token-login/imap-urlauth"
_SOCKET_BYTES = 107


@dataclass(frozen=True)
class Person:
    """The user who runs the demo, and the group."""

    name: str
    group: str

    @classmethod
    def who_runs_this(cls) -> Person:
        """Return the user of this process.

        :raises UsageError: when that is root, or has no name.
        """
        if os.geteuid() == 0:
            raise UsageError(
                "make demo-mail is for a plain user: it shows what can be had without root",
                hint="as root, to make this machine a mail server: make mailserver\n"
                "  or as a plain user, in a clone of the repository that belongs to that user: make demo-mail",
            )
        try:
            return cls(pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
        except KeyError:
            raise UsageError(
                "this user or group has a number and no name, and the daemons want a name",
                hint="add both to /etc/passwd and /etc/group, or run it as another user",
            ) from None


def usable_folder(path: str) -> Layout:
    """Return the folder as a root, made where it is not there.

    :raises UsageError: when its path is none that the daemons can work with.
    """
    root = os.path.abspath(path)
    if not _PATH.fullmatch(root):
        raise UsageError(
            "qpsmtpd hands mail only to programs with a path of letters, digits and / _ - .",
            place=root,
            hint="clone the repository into a folder with such a path",
        )
    if len(root + LONGEST_SOCKET) > _SOCKET_BYTES:
        raise UsageError(
            f"the path is longer than {_SOCKET_BYTES - len(LONGEST_SOCKET)} bytes, so no socket can be made below it",
            place=root,
            hint="clone the repository into a folder with a shorter path",
        )
    try:
        # As dovecot and qpsmtpd make theirs: readable by others.
        make_directory(root)
    except OSError as error:
        raise UsageError(
            f"cannot be made: {error.strerror}", place=root, hint="name a folder that you may write in"
        ) from error
    return Layout(root)


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Keep a second demo out of the folder.

    :raises BusyError: when one runs there.
    """
    descriptor = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("a demo runs in this folder", place=layout.root, hint="wait until it has ended") from None
        yield
    finally:
        os.close(descriptor)


def free_ports(count: int) -> list[int]:
    """Return TCP ports of 127.0.0.1 that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports
