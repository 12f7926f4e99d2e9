"""Where the helper listens: a socket in a directory of its own, and a lock, so that there is one helper a root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
from typing import TYPE_CHECKING, Self

from esmith.directories import make_directory
from esmith.errors import BusyError, UntrustedError
from esmith.names import TEMPORARY_PREFIX
from esmith.printable import shell_word

if TYPE_CHECKING:
    from types import TracebackType

    from esmith.layout import Layout

_LOCK = "helper.lock"
_DIRECTORY_MODE = 0o711
_BACKLOG = 32


class Place:
    """The socket, held while used as a context manager.

    :param layout: the root.
    :param user: the number of the user who may connect.
    """

    def __init__(self, layout: Layout, user: int) -> None:
        self._layout = layout
        self._user = user
        self._directory, self._name = os.path.split(layout.manager_socket)
        #: It listens.
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        """Take the lock, and listen.

        :raises BusyError: when another helper runs.
        :raises UntrustedError: when the directory is not in the hands of this user alone.
        :raises OSError: when the socket cannot be made.
        """
        self._layout.trust.require(os.path.dirname(self._directory))
        with contextlib.ExitStack() as opened:
            opened.callback(self.socket.close)
            make_directory(self._directory, _DIRECTORY_MODE)
            self._handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            opened.callback(os.close, self._handle)
            self._require_own()
            opened.callback(os.close, self._take_lock())
            self._listen()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._handle)
        self._opened.close()

    def _require_own(self) -> None:
        status = os.fstat(self._handle)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
            raise UntrustedError(
                "the directory of the helper's socket belongs to somebody else, or others may write it",
                place=self._directory,
                hint=f"remove it; it is made again: rm -r {shell_word(self._directory)}",
            )
        os.fchmod(self._handle, _DIRECTORY_MODE)

    def _take_lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(_LOCK, flags, 0o600, dir_fd=self._handle)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise BusyError(
                "another helper of the server-manager runs for this root",
                place=self._directory,
                hint="one is enough; which services run: esmith services",
            ) from None
        return lock

    def _listen(self) -> None:
        """Make the socket beside its place, and put it there when it takes connections: what a dead helper left goes.

        By way of the descriptor, since the path of a root folder may be longer than a socket's may be (unix(7)).
        """
        name = f"{TEMPORARY_PREFIX}socket"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._handle)
        mask = os.umask(0o177)
        try:
            self.socket.bind(f"/proc/self/fd/{self._handle}/{name}")
        finally:
            os.umask(mask)
        if self._user != os.geteuid():
            os.chown(name, self._user, -1, dir_fd=self._handle, follow_symlinks=False)
        self.socket.listen(_BACKLOG)
        self.socket.setblocking(False)
        os.rename(name, self._name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
