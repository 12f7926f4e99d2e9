"""Where the helper listens: a socket in a directory of its own, and a lock, so that there is one helper a root."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Self

from esmith.directories import make_directory
from esmith.errors import BusyError, UntrustedError
from esmith.local_sockets import listen, take_lock
from esmith.printable import shell_word

if TYPE_CHECKING:
    from types import TracebackType

    from esmith.layout import Layout

_LOCK = "helper.lock"
_DIRECTORY_MODE = 0o711


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
            listen(self.socket, self._handle, self._name, self._user)
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
        lock = take_lock(self._handle, _LOCK)
        if lock is None:
            raise BusyError(
                "another helper of the server-manager runs for this root",
                place=self._directory,
                hint="one is enough; which services run: esmith services",
            )
        return lock
