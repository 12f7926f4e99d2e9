"""The directory of the agent, the lock by which there is one agent a root, and the socket."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket

from esmith.errors import BusyError, StoreError
from esmith.fleet.agent.places import directory_of, make_private
from esmith.names import TEMPORARY_PREFIX, is_temporary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from esmith.layout import Layout

_LOCK, _SOCKET = "agent.lock", "agent.socket"
_BACKLOG = 32


class Place:
    """It, held while used as a context manager.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._directory = directory_of(layout)
        #: It listens, and does not block.
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

    def __enter__(self) -> Self:
        """Take the lock, and listen.

        :raises BusyError: when another agent runs for this root.
        :raises StoreError: when the directory cannot be made, or is not this user's alone.
        """
        with contextlib.ExitStack() as opened:
            opened.callback(self.socket.close)
            make_private(self._directory)
            try:
                self._handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                opened.callback(os.close, self._handle)
                opened.callback(os.close, self._take_lock())
                self._remove_left()
                self._listen()
            except OSError as error:
                raise StoreError(f"cannot listen there: {error.strerror}", place=self._directory) from error
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            os.unlink(_SOCKET, dir_fd=self._handle)
        self._opened.close()

    def _take_lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(_LOCK, flags, 0o600, dir_fd=self._handle)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise BusyError(
                "another agent of the fleet runs for this root", place=self._directory, hint="one is enough"
            ) from None
        return lock

    def _remove_left(self) -> None:
        """Remove what a killed agent was writing."""
        for name in os.listdir(self._handle):
            if is_temporary(name):
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=self._handle)

    def _listen(self) -> None:
        """Make the socket beside its place, and put it there when it takes connections: what a dead agent left goes.

        By way of the descriptor, since the path of a root folder may be longer than a socket's may be (unix(7)).
        """
        name = f"{TEMPORARY_PREFIX}socket"
        # The directory is closed to others; the mode of the socket says it once more.
        mask = os.umask(0o177)
        try:
            self.socket.bind(f"/proc/self/fd/{self._handle}/{name}")
        finally:
            os.umask(mask)
        self.socket.listen(_BACKLOG)
        self.socket.setblocking(False)
        os.rename(name, _SOCKET, src_dir_fd=self._handle, dst_dir_fd=self._handle)
