"""The directory of the agent, the lock by which there is one agent a root, and the socket."""

from __future__ import annotations

import contextlib
import os
import socket

from esmith.errors import BusyError, StoreError
from esmith.fleet.agent.places import make_private
from esmith.local_sockets import listen, take_lock
from esmith.private_files import remove_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from esmith.layout import Layout

_LOCK, _SOCKET = "agent.lock", "agent.socket"


class Place:
    """It, held while used as a context manager.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._directory = layout.fleet
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
                remove_left(self._directory)
                listen(self.socket, self._handle, _SOCKET)
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
        lock = take_lock(self._handle, _LOCK)
        if lock is None:
            raise BusyError(
                "another agent of the fleet runs for this root", place=self._directory, hint="one is enough"
            )
        return lock
